/* SPDX-License-Identifier: MIT */
#include "lib/plot/panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

static bool near(double a, double b) { return fabs(a - b) <= 1e-9 * fmax(1, fabs(b)); }

static void test_share(void)
{
    const km_axis line = {-2, 6}, logs = {.from = 0.1, .to = 1000, .log = true};
    ok(near(km_axis_share(&line, 0), 0.25) && km_axis_share(&line, -2) == 0 && km_axis_share(&line, 6) == 1,
       "a linear axis");
    ok(near(km_axis_share(&logs, 1), 0.25) && near(km_axis_share(&logs, 10), 0.5), "a logarithmic axis");
    ok(km_axis_share(&line, 1e30) == 1 && km_axis_share(&logs, 0.001) == 0, "what lies beyond is at the end");
    ok(isnan(km_axis_share(&line, NAN)) && isnan(km_axis_share(&line, INFINITY)) && isnan(km_axis_share(&logs, 0)) &&
           isnan(km_axis_share(&logs, -1)),
       "what has no place has none");
}

static bool texts(const km_axis *a, int most, const char *expected)
{
    km_tick t[KM_TICKS];
    char all[200] = "";
    int n = km_axis_ticks(a, most, t);
    for (int i = 0; i < n; i++) snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "", t[i].text);
    if (strcmp(all, expected)) printf("# '%s', not '%s'\n", all, expected);
    return !strcmp(all, expected);
}

static void test_tick_texts(void)
{
    ok(texts(&(km_axis){0, 1}, 6, "0.0 0.2 0.4 0.6 0.8 1.0"), "as many decimals as it takes");
    ok(texts(&(km_axis){0, 13}, 4, "0 5 10"), "steps of 5");
    ok(texts(&(km_axis){-180, 180, .step = 90}, 5, "−180 −90 0 90 180"), "a step of its own, true minus signs");
    ok(texts(&(km_axis){-0.3, 0.3}, 5, "−0.2 0.0 0.2"), "zero is not negative");
    ok(texts(&(km_axis){0, 3e9}, 4, "0 1e+09 2e+09 3e+09"), "large numbers");
    ok(texts(&(km_axis){.from = 0.05, .to = 5, .log = true}, 8, "0.05 0.1 0.2 0.5 1 2 5"), "1, 2, 5 within decades");
    ok(texts(&(km_axis){.from = 0.05, .to = 5, .log = true}, 4, "0.1 1"), "decades where there is room for no more");
    ok(texts(&(km_axis){.from = 1e-6, .to = 1e6, .log = true}, 5, "1e-06 0.001 1 1000 1e+06"), "every third decade");
}

/* Of axes of every size: few enough, in order, within, and written as what they are. */
static void test_many_ticks(void)
{
    bool few = true, ordered = true, within = true, told = true, some = true;
    km_rng r = km_rng_of(5, KM_RNG_METRIC, 0, 0, 0);
    for (uint32_t k = 0; k < 4000; k++) {
        float u[3];
        km_rng_normal3(&r, k, u);
        int most = 2 + (int)(k % (KM_TICKS - 1));
        km_axis a = {.log = k % 2};
        km_tick t[KM_TICKS];
        if (a.log) a.from = pow(10, 2 * u[0]), a.to = a.from * pow(10, fabs((double)u[1]) * 3 + 0.01);
        else a.from = u[0] * pow(10, 3 * u[2]), a.to = a.from + (fabs((double)u[1]) + 1e-3) * pow(10, 3 * u[2]);
        int n = km_axis_ticks(&a, most, t);
        few = few && n <= most;
        some = some && (a.log || most < 6 || n >= 2);
        double room = 1e-6 * (a.to - a.from);
        for (int i = 0; i < n; i++) {
            ordered = ordered && (i == 0 || t[i].value > t[i - 1].value);
            within = within && t[i].value >= a.from - room && t[i].value <= a.to + room;
            bool minus = !strncmp(t[i].text, "−", strlen("−"));
            double read = atof(minus ? t[i].text + strlen("−") : t[i].text);
            told = told && fabs((minus ? -read : read) - t[i].value) <= 1e-5 * fabs(t[i].value) + 1e-12;
        }
    }
    ok(few, "never more ticks than asked for");
    ok(some, "two at least where there is room for six");
    ok(ordered, "in order");
    ok(within, "within the axis");
    ok(told, "written as they are");
}

static bool fits(double low, double high, bool log, double from, double to)
{
    km_axis a = {.log = log};
    km_axis_fit(&a, low, high);
    if (!near(a.from, from) || !near(a.to, to)) printf("# %g %g\n", a.from, a.to);
    return near(a.from, from) && near(a.to, to);
}

static void test_fit(void)
{
    ok(fits(0, 2.74, false, 0, 3), "widened to a whole step");
    ok(fits(-0.17, 1, false, -0.2, 1), "on both sides");
    ok(fits(0, 1, false, 0, 1), "left alone where it is round");
    ok(fits(0.07, 3.3, true, 0.05, 5), "to 1, 2 or 5 times a power of ten");
    bool drawable = true;
    static const double odd[][2] = {{0, 0},        {7, 7},        {-3, -3}, {NAN, 1},
                                    {0, INFINITY}, {INFINITY, 0}, {5, 4},   {1e-300, 1e-300}};
    for (size_t i = 0; i < 2 * sizeof odd / sizeof odd[0]; i++) {
        km_axis a = {.log = i % 2};
        km_axis_fit(&a, odd[i / 2][0], odd[i / 2][1]);
        drawable = drawable && isfinite(a.from) && isfinite(a.to) && a.from < a.to && (!a.log || a.from > 0);
    }
    ok(drawable, "something that can be drawn whatever the data");
}

static char *text_of(const char *text, int most)
{
    char *s;
    size_t n;
    FILE *f = open_memstream(&s, &n);
    km_xml_text(f, text, most);
    fclose(f);
    return s;
}

static bool becomes(const char *text, int most, const char *expected)
{
    char *s = text_of(text, most);
    bool same = !strcmp(s, expected);
    if (!same) printf("# '%s'\n", s);
    free(s);
    return same;
}

static void test_text(void)
{
    ok(becomes("a<b> & \"c\"", 0, "a&lt;b&gt; &amp; &quot;c&quot;"), "markup is escaped");
    ok(becomes("φ, Å, 𝛼", 0, "φ, Å, 𝛼"), "UTF-8 passes");
    ok(becomes("a\x01\x1b[0m\n\x7f", 0, "a��[0m��"), "control characters do not");
    ok(becomes("\xff\xc0\x80\xe2\x82", 0, "�����"), "nor do bytes that are not UTF-8");
    ok(becomes("\xed\xa0\x80 \xef\xbf\xbe", 0, "��� ���"), "nor surrogates and U+FFFE");
    ok(becomes("φφφφφ", 5, "φφφφφ") && becomes("φφφφφφ", 5, "φφφφ…") && becomes("<&>", 2, "&lt;…"),
       "an ellipsis, counted in characters");
}

/* Is this well-formed: one element, tags in pairs, attributes quoted, no bare < or &? */
static bool entity(const char *s)
{
    return !strncmp(s, "&amp;", 5) || !strncmp(s, "&lt;", 4) || !strncmp(s, "&gt;", 4) || !strncmp(s, "&quot;", 6);
}

static const char *attributes(const char *s)
{
    while (*s == ' ') {
        s += 1 + strcspn(s + 1, "=<>\"");
        if (strncmp(s, "=\"", 2)) return NULL;
        s += 2 + strcspn(s + 2, "\"<");
        if (*s++ != '"') return NULL;
    }
    return s;
}

static bool well_formed(const char *s)
{
    char open[16][16];
    int depth = 0, roots = 0;
    while (*s) {
        if (*s == '&' && !entity(s)) return false;
        if (*s++ != '<') continue;
        bool end = *s == '/';
        size_t n = strcspn(s += end, " />");
        if (n == 0 || n > 15) return false;
        if (end) {
            if (depth == 0 || strncmp(open[--depth], s, n) || open[depth][n]) return false;
            if (s[n] != '>') return false;
            s += n;
            continue;
        }
        if (depth == 0 && roots++) return false;
        if (depth == 16) return false;
        memcpy(open[depth], s, n), open[depth++][n] = 0;
        s = attributes(s + n);
        if (!s || (*s != '>' && strncmp(s, "/>", 2))) return false;
        if (*s == '/') depth--;
    }
    return depth == 0 && roots == 1;
}

static void test_checker(void)
{
    ok(well_formed("<a b=\"c\"><d/>e&amp;</a>"), "the checker passes what is well-formed");
    ok(!well_formed("<a><b></a></b>") && !well_formed("<a>") && !well_formed("<a b=c/>") && !well_formed("<a>&b</a>") &&
           !well_formed("<a/><a/>") && !well_formed("<a b=\"<\"/>"),
       "and nothing else");
}

static char *draw(void (*content)(FILE *out))
{
    char *s;
    size_t n;
    km_err err = {0};
    FILE *f = open_memstream(&s, &n);
    km_svg_begin(f, 300, 200, "a < b & c");
    content(f);
    ok(km_svg_end(f, &err) == KM_OK, "a figure is written %s", err.msg);
    fclose(f);
    return s;
}

static void everything(FILE *out)
{
    static const double x[] = {0, 1, NAN, 2, INFINITY, 3}, y[] = {1, -1e300, 1, NAN, 2, 4},
                        bins[] = {1, NAN, INFINITY, 1e300, -1};
    static const double counts[] = {0, 1, NAN, 1, INFINITY, -1};
    km_panel p = {out, 40, 20, 200, 100, {0, 4, .label = "a & b"}, {0, 4, .label = "<y>"}, 5, 5, "\"title\" \xff"};
    const km_axis colour = {.from = 0.5, .to = 2, .log = true, .label = "&"};
    const km_entry entries[] = {{"one & two", {KM_BLUE, .dots = true}},
                                {"<three>", {KM_SKY, .dashed = true, .filled = true}}};
    km_panel_frame(&p);
    km_panel_line(&p, x, y, 6, (km_look){KM_BLUE, .dots = true});
    km_panel_line(&p, x, y, 0, (km_look){KM_INK});
    km_panel_steps(&p, 0, 4, bins, 5, (km_look){KM_GREEN, .filled = true});
    km_panel_bar(&p, 0, 1, 2, (km_look){KM_GREY, .dashed = true});
    km_panel_bar(&p, 0, 1, NAN, (km_look){KM_GREY});
    km_panel_rule_x(&p, 1), km_panel_rule_y(&p, 1);
    km_panel_density(&p, counts, 3, 2, &colour);
    km_svg_colour_bar(out, 250, 20, 100, &colour);
    km_svg_legend(out, 0, 0, 300, entries, 2);
}

static void test_panel(void)
{
    char *s = draw(everything);
    ok(well_formed(s), "well-formed with odd names and numbers");
    ok(!strstr(s, "nan") && !strstr(s, "inf"), "no number that is none");
    ok(strstr(s, "a &lt; b &amp; c") && strstr(s, "&lt;three&gt;"), "names arrive escaped");
    ok(strstr(s, "M40.0 95.0L90.0 120.0M190.0 20.0\"") != NULL,
       "a line goes where the axes say, clamped, and breaks at what is no number");
    ok(!strstr(s, "href") && !strstr(s, "script") && !strstr(s, "url("), "nothing from outside");
    free(s);
}

static void one_line(FILE *out)
{
    static const double flat[40] = {[0 ... 39] = 2}; /* 20 x 2 */
    km_panel_density(&(km_panel){out, 0, 0, 200, 100}, flat, 20, 2, &(km_axis){0, 4});
}

static int count(const char *s, const char *what)
{
    int n = 0;
    for (; (s = strstr(s, what)); s++) n++;
    return n;
}

static void test_density(void)
{
    const km_axis line = {0, 10}, logs = {.from = 1, .to = 1024, .log = true};
    bool level = km_density_level(&line, 0) == -1 && km_density_level(&line, -1) == -1 &&
                 km_density_level(&line, NAN) == -1 && km_density_level(&line, INFINITY) == -1;
    ok(level, "what is not above zero is blank");
    ok(km_density_level(&line, 0.5) == 0 && km_density_level(&line, 4.5) == 4 && km_density_level(&line, 10) == 9 &&
           km_density_level(&line, 99) == 9,
       "linear levels");
    ok(km_density_level(&logs, 1) == 0 && km_density_level(&logs, 3) == 1 && km_density_level(&logs, 700) == 9,
       "logarithmic levels");
    char *s = draw(one_line);
    ok(count(s, "<path") == 1 && count(s, "z") == 2 && strstr(s, "M0.00 50.00h200.00v50.00h-200.00z"),
       "a run of one level is one rectangle, row 0 at the foot");
    free(s);
}

static void test_legend(void)
{
    km_entry many[12];
    for (int i = 0; i < 12; i++) many[i] = (km_entry){"a name of some length", {KM_INK}};
    ok(km_svg_legend(NULL, 0, 0, 1000, many, 1) == km_svg_legend(NULL, 50, 9, 1000, many, 4), "one line");
    ok(km_svg_legend(NULL, 0, 0, 1000, many, 12) > 2 * km_svg_legend(NULL, 0, 0, 1000, many, 1),
       "lines when they are many");
    ok(km_svg_legend(NULL, 0, 0, 10, many, 2) == 2 * km_svg_legend(NULL, 0, 0, 10, many, 1),
       "one entry a line when it is narrow");
}

static void test_failure(void)
{
    km_err err = {0};
    FILE *f = fopen("/dev/full", "w");
    if (!f) {
        ok(true, "a full disk # skip no /dev/full");
        return;
    }
    setvbuf(f, NULL, _IONBF, 0);
    km_svg_begin(f, 10, 10, "x");
    ok(km_svg_end(f, &err) == KM_SYSTEM && strstr(err.msg, "cannot write"), "a full disk is told: %s", err.msg);
    fclose(f);
}

int main(void)
{
    test_share();
    test_tick_texts();
    test_many_ticks();
    test_fit();
    test_text();
    test_checker();
    test_panel();
    test_density();
    test_legend();
    test_failure();
    return tap_end();
}
