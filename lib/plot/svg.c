/* SPDX-License-Identifier: MIT */
#include "lib/plot/svg.h"

#include <errno.h>
#include <string.h>

static const char *const colours[KM_COLOURS] = {"currentColor", "#888888", "#0072b2", "#d55e00",
                                                "#009e73",      "#cc79a7", "#e69f00", "#56b4e9"};
static const char *const levels[KM_LEVELS] = {"#bddf26", "#7ad151", "#42be71", "#22a884", "#21918c",
                                              "#2a788e", "#355f8d", "#414487", "#482475", "#440154"};
static const char *const dark_levels[KM_LEVELS] = {"#463480", "#3c508b", "#30698e", "#27808e", "#1f978b",
                                                   "#27ad81", "#4cc26c", "#81d34d", "#c0df25", "#fde725"};

const char *km_colour_name(int colour)
{
    KM_ASSERT(colour >= 0 && colour < KM_COLOURS);
    return colours[colour];
}

const char *km_level_name(int level)
{
    KM_ASSERT(level >= 0 && level < KM_LEVELS);
    return levels[level];
}

void km_svg_dark_rules(FILE *out)
{
    fputs("@media (prefers-color-scheme: dark) {\n", out);
    for (int i = 0; i < KM_LEVELS; i++) fprintf(out, ".km-level-%d { fill: %s }\n", i, dark_levels[i]);
    fprintf(out, "[stroke='%s'] { stroke: #3d9ed8 }\n[fill='%s'] { fill: #3d9ed8 }\n", colours[KM_BLUE],
            colours[KM_BLUE]);
    fputs("}\n", out);
}

void km_svg_begin(FILE *out, double width, double height, const char *title)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" viewBox=\"0 0 %g %g\" role=\"img\" "
            "font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\" fill=\"currentColor\">\n<title>",
            width, height, width, height);
    km_xml_text(out, title, 0);
    fputs("</title>\n", out);
}

km_status km_svg_end(FILE *out, km_err *err)
{
    fputs("</svg>\n", out);
    if (!ferror(out)) return KM_OK;
    return km_fail(err, KM_SYSTEM, "cannot write a figure: %s", errno ? strerror(errno) : "a write failed");
}

/* Bytes of the character at s if it is well-formed UTF-8 that XML allows, else 0. */
static int character(const unsigned char *s)
{
    if (s[0] < 0x80) return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
    int n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90); /* surrogates; above U+10FFFF */
    bool control = (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe); /* and U+FFFE */
    return overlong || beyond || control ? 0 : n;
}

static int characters(const char *text)
{
    int count = 0;
    for (int n; *text; text += n ? n : 1, count++) n = character((const unsigned char *)text);
    return count;
}

static const char *entity(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    default: return NULL;
    }
}

void km_xml_text(FILE *out, const char *text, int most)
{
    int left = most > 0 && characters(text) > most ? most - 1 : -1;
    for (int n; *text && left != 0; text += n ? n : 1, left--) {
        n = character((const unsigned char *)text);
        const char *name = entity(*text);
        if (name) fputs(name, out);
        else if (n) fwrite(text, 1, (size_t)n, out);
        else fputs("�", out);
    }
    if (*text) fputs("…", out);
}

void km_svg_label(FILE *out, double x, double y, km_face face, const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%g\"", x, y, face.size);
    if (face.anchor != KM_START) fprintf(out, " text-anchor=\"%s\"", anchors[face.anchor]);
    if (face.bold) fputs(" font-weight=\"bold\"", out);
    if (face.turn != 0) fprintf(out, " transform=\"rotate(%g %.1f %.1f)\"", face.turn, x, y);
    fputc('>', out);
    km_xml_text(out, text, face.most);
    fputs("</text>\n", out);
}

/* The swatch of a legend, 24 wide around the middle of its line. */
static void swatch(FILE *out, double x, double y, km_look look)
{
    const char *c = km_colour_name(look.colour);
    if (look.filled)
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"24\" height=\"10\" fill=\"%s\" fill-opacity=\"0.3\"/>\n", x,
                y - 5, c);
    fprintf(out, "<path d=\"M%.1f %.1fh24\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", x, look.filled ? y - 5 : y, c,
            look.dashed ? " stroke-dasharray=\"5 3\"" : "");
    if (look.dots) fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x + 12, y, c);
}

double km_svg_legend(FILE *opt_out, double left, double top, double width, const km_entry *entries, int n)
{
    enum { SIZE = 12, LINE = 18, MOST = 40 };
    double x = left, y = top + LINE / 2.0;
    for (int i = 0; i < n; i++) {
        int length = characters(entries[i].name);
        double wide = 24 + 6 + 0.6 * SIZE * (length < MOST ? length : MOST);
        if (x > left && x + wide > left + width) x = left, y += LINE;
        if (opt_out) {
            swatch(opt_out, x, y, entries[i].look);
            km_svg_label(opt_out, x + 30, y + 4, (km_face){.size = SIZE, .most = MOST}, entries[i].name);
        }
        x += wide + 18;
    }
    return y + LINE / 2.0 - top;
}
