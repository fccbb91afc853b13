/* SPDX-License-Identifier: MIT
 * The trajectory in motion: CA and whatever is no protein as sticks on canvases, turned together with the mouse. What
 * drives them is a few lines of script within the page. */
#include <math.h>

#include "lib/traj/linear.h"
#include "tools/eval_draw.h"

/* XHTML: nothing here needs escaping but within CDATA. */
static const char script[] =
    "//<![CDATA[\n"
    "(function () {\n"
    "  'use strict';\n"
    "  function player(box) {\n"
    "    var set = JSON.parse(box.querySelector('script').textContent);\n"
    "    var rot = set.turn, frame = 0, playing = true, zoom = 1, drag = null, last = 0;\n"
    "    var slider = box.querySelector('input'), button = box.querySelector('button');\n"
    "    var canvases = [].slice.call(box.querySelectorAll('canvas'));\n"
    "    var views = set.sides.map(function (s, i) { return {side: s, canvas: canvases[i]}; });\n"
    "    var most = Math.max.apply(null, set.sides.map(function (s) { return s.frames.length; }));\n"
    "    slider.max = most - 1;\n"
    "    function turn(dx, dy) {\n"
    "      var a = dx * 0.01, b = dy * 0.01, c = Math.cos(a), s = Math.sin(a), d = Math.cos(b), t = Math.sin(b);\n"
    "      var m = [c, 0, s, t * s, d, -t * c, -d * s, t, d * c], r = [];\n"
    "      for (var i = 0; i < 3; i++) for (var j = 0; j < 3; j++)\n"
    "        r.push(m[3 * i] * rot[j] + m[3 * i + 1] * rot[3 + j] + m[3 * i + 2] * rot[6 + j]);\n"
    "      rot = r;\n"
    "    }\n"
    "    function draw(view) {\n"
    "      var canvas = view.canvas, g = canvas.getContext('2d'), ratio = window.devicePixelRatio || 1;\n"
    "      var w = canvas.clientWidth, h = canvas.clientHeight;\n"
    "      var dark = matchMedia('(prefers-color-scheme: dark)').matches;\n"
    "      if (!w) return;\n"
    "      if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {\n"
    "        canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio);\n"
    "      }\n"
    "      g.setTransform(ratio, 0, 0, ratio, 0, 0);\n"
    "      g.clearRect(0, 0, w, h);\n"
    "      var n = view.side.frames.length, x = view.side.frames[Math.min(n - 1, Math.floor(frame * n / most))];\n"
    "      var k = zoom * 0.9 * Math.min(w / set.extent[0], h / set.extent[1], 1.2 * Math.min(w, h) / set.radius);\n"
    "      var p = [];\n"
    "      for (var i = 0; i < x.length; i += 3) {\n"
    "        var a = x[i] / 10 - set.centre[0], b = x[i + 1] / 10 - set.centre[1], c = x[i + 2] / 10 - set.centre[2];\n"
    "        p.push([w / 2 + k * (rot[0] * a + rot[1] * b + rot[2] * c),\n"
    "                h / 2 - k * (rot[3] * a + rot[4] * b + rot[5] * c), rot[6] * a + rot[7] * b + rot[8] * c]);\n"
    "      }\n"
    "      var sticks = set.sticks.map(function (s) { return {s: s, z: (p[s[0]][2] + p[s[1]][2]) / 2}; });\n"
    "      sticks.sort(function (u, v) { return u.z - v.z; });\n"
    "      g.lineCap = 'round';\n"
    "      sticks.forEach(function (q) {\n"
    "        var s = q.s, near = Math.max(0, Math.min(1, 0.5 + q.z / set.radius / 2)), other = s[2] === 1;\n"
    "        var light = dark ? 30 + 38 * near : 78 - 36 * near;\n"
    "        for (var pass = 0; pass < 2; pass++) {\n"
    "          g.beginPath(); g.moveTo(p[s[0]][0], p[s[0]][1]); g.lineTo(p[s[1]][0], p[s[1]][1]);\n"
    "          g.lineWidth = (other ? 0.4 : 0.9) * k * (0.75 + 0.5 * near) + (pass ? 0 : 2);\n"
    "          g.strokeStyle = pass ? (other ? 'hsl(0 0% ' + (dark ? 98 - 28 * near : 50 - 40 * near) + '%)' :\n"
    "            'hsl(' + Math.round(240 - 240 * s[0] / set.chain) + ' 65% ' + light + '%)') :\n"
    "            (dark ? '#111' : '#fff');\n"
    "          g.stroke();\n"
    "        }\n"
    "      });\n"
    "    }\n"
    "    function all() { views.forEach(draw); slider.value = Math.floor(frame); }\n"
    "    function step(now) {\n"
    "      if (playing && canvases[0].clientWidth) {\n"
    "        frame = (frame + Math.min(100, now - last) / 80) % most; all();\n"
    "      }\n"
    "      last = now; requestAnimationFrame(step);\n"
    "    }\n"
    "    views.forEach(function (v) {\n"
    "      v.canvas.addEventListener('pointerdown', function (e) {\n"
    "        drag = [e.clientX, e.clientY]; v.canvas.setPointerCapture(e.pointerId);\n"
    "      });\n"
    "      v.canvas.addEventListener('pointerup', function () { drag = null; });\n"
    "      v.canvas.addEventListener('pointermove', function (e) {\n"
    "        if (!drag) return;\n"
    "        turn(e.clientX - drag[0], e.clientY - drag[1]); drag = [e.clientX, e.clientY]; all();\n"
    "      });\n"
    "      v.canvas.addEventListener('wheel', function (e) {\n"
    "        e.preventDefault(); zoom *= Math.exp(-e.deltaY / 600); all();\n"
    "      }, {passive: false});\n"
    "    });\n"
    "    slider.addEventListener('input', function () {\n"
    "      frame = +slider.value; playing = false; button.textContent = 'play'; all();\n"
    "    });\n"
    "    button.addEventListener('click', function () {\n"
    "      playing = !playing; button.textContent = playing ? 'pause' : 'play';\n"
    "    });\n"
    "    window.addEventListener('resize', all);\n"
    "    window.addEventListener('beforeprint', all);\n"
    "    all(); requestAnimationFrame(step);\n"
    "  }\n"
    "  window.addEventListener('beforeprint', function () {\n"
    "    document.querySelectorAll('details').forEach(function (d) { d.open = true; });\n"
    "  });\n"
    "  document.querySelectorAll('.player').forEach(player);\n"
    "}());\n"
    "//]]>\n";

enum { MOST = 3 }; /* sides */

static void print_frames(const km_eval_array *a, FILE *out)
{
    fputs("{\"frames\":[", out);
    for (int f = 0; f < a->ny; f++) {
        fputs(f ? ",[" : "[", out);
        for (int i = 0; i < a->nx; i++) fprintf(out, "%s%.0f", i ? "," : "", 10 * a->values[f * a->nx + i]);
        fputc(']', out);
    }
    fputs("]}", out);
}

/* Where the first frame of the reference lies: its centre, how far from it it goes, with some room, the view along its
 * shortest axis and how wide and high it is there. */
static void print_box(const km_eval_array *a, FILE *out)
{
    double low[3], high[3], centre[3], radius = 1, spread[9] = {0}, values[2], v[9], extent[2] = {1, 1};
    for (int k = 0; k < 3; k++) low[k] = INFINITY, high[k] = -INFINITY;
    for (int i = 0; i < a->nx; i++)
        low[i % 3] = fmin(low[i % 3], a->values[i]), high[i % 3] = fmax(high[i % 3], a->values[i]);
    for (int k = 0; k < 3; k++) centre[k] = (low[k] + high[k]) / 2;
    for (int i = 0; i < 3 * a->nx; i++)
        spread[i % 9] +=
            (a->values[i / 9 * 3 + i % 9 / 3] - centre[i % 9 / 3]) * (a->values[i / 9 * 3 + i % 3] - centre[i % 3]);
    km_eigen_largest(spread, 3, 2, values, v);
    for (int k = 0; k < 3; k++) v[6 + k] = v[(k + 1) % 3] * v[3 + (k + 2) % 3] - v[(k + 2) % 3] * v[3 + (k + 1) % 3];
    for (int i = 0; i + 2 < a->nx; i += 3)
        radius = fmax(radius, 1.15 * hypot(hypot(a->values[i] - centre[0], a->values[i + 1] - centre[1]),
                                           a->values[i + 2] - centre[2]));
    for (int i = 0; i < a->nx; i += 3)
        for (int k = 0; k < 2; k++) {
            double along = 0;
            for (int d = 0; d < 3; d++) along += v[3 * k + d] * (a->values[i + d] - centre[d]);
            extent[k] = fmax(extent[k], 2 * fabs(along) + 4);
        }
    fprintf(out, "\"centre\":[%.2f,%.2f,%.2f],\"radius\":%.2f,\"extent\":[%.2f,%.2f],\"turn\":[", centre[0], centre[1],
            centre[2], radius, extent[0], extent[1]);
    for (int i = 0; i < 9; i++) fprintf(out, "%s%.4f", i ? "," : "", v[i]);
    fputc(']', out);
}

km_status km_draw_player(const km_eval *e, FILE *out, km_err *err)
{
    const km_eval_row *rows[MOST];
    int n = 0, chain = 0;
    for (int i = 0; i < e->n && n < MOST - 1; i++)
        if (km_eval_kept(&e->rows[i], "played")) rows[n++] = &e->rows[i];
    const km_eval_array *sticks = km_eval_kept(rows[0], "sticks");
    fputs("<div class=\"player\">\n<div class=\"views\">\n", out);
    for (int i = 0; i <= n; i++) {
        fputs("<div><canvas></canvas><p>", out);
        km_xml_text(out, i ? rows[i - 1]->name : "MD", 40);
        fputs("</p></div>\n", out);
    }
    fputs("</div>\n<p><button type=\"button\">pause</button> <input type=\"range\" min=\"0\" value=\"0\" "
          "aria-label=\"frame\"/></p>\n<script type=\"application/json\">{",
          out);
    print_box(km_eval_kept(rows[0], "md_played"), out);
    fputs(",\"sticks\":[", out);
    for (int i = 0; i < sticks->ny; i++) {
        const double *s = sticks->values + (ptrdiff_t)3 * i;
        fprintf(out, "%s[%.0f,%.0f,%.0f]", i ? "," : "", s[0], s[1], s[2]);
        if (s[2] == 0 && s[1] > chain) chain = (int)s[1];
    }
    fprintf(out, "],\"chain\":%d,\"sides\":[", chain ? chain : 1);
    print_frames(km_eval_kept(rows[0], "md_played"), out);
    for (int i = 0; i < n; i++) fputc(',', out), print_frames(km_eval_kept(rows[i], "played"), out);
    fputs("]}</script>\n</div>\n", out);
    return ferror(out) ? km_fail(err, KM_SYSTEM, "cannot write the page") : KM_OK;
}

void km_eval_print_player(FILE *out) { fprintf(out, "<script>\n%s</script>\n", script); }
