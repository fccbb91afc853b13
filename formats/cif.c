/* SPDX-License-Identifier: MIT */
#include "formats/cif.h"

#include <string.h>
#include <strings.h>

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t km_cif_line(const km_cif *c, const char *at)
{
    size_t line = 1;
    for (const char *p = c->start; (p = memchr(p, '\n', (size_t)(at - p))); p++) line++;
    return line;
}

static km_status bad(const km_cif *c, const char *what, km_err *err)
{
    return km_fail(err, KM_INPUT, "line %zu: %s", km_cif_line(c, c->at), what);
}

static void skip_blanks(km_cif *c)
{
    while (c->at < c->end) {
        if (*c->at == '#') {
            const char *line_end = memchr(c->at, '\n', (size_t)(c->end - c->at));
            c->at = line_end ? line_end : c->end;
        } else if (blank(*c->at)) c->at++;
        else return;
    }
}

/* Lines between two that begin with a semicolon. */
static km_status take_text(km_cif *c, km_cif_word *w, km_err *err)
{
    const char *p = c->at + 1;
    while ((p = memchr(p, '\n', (size_t)(c->end - p)))) {
        if (p[1] == ';') {
            *w = (km_cif_word){KM_CIF_VALUE, c->at + 1, (size_t)(p - c->at - 1), false};
            c->at = p + 2;
            return KM_OK;
        }
        p++;
    }
    return bad(c, "a text between semicolons does not end", err);
}

/* A quotation ends with its mark before a blank, and on its line. */
static km_status take_quoted(km_cif *c, km_cif_word *w, km_err *err)
{
    for (const char *p = c->at + 1; p < c->end && *p != '\n'; p++) {
        if (*p != *c->at || (p + 1 < c->end && !blank(p[1]))) continue;
        *w = (km_cif_word){KM_CIF_VALUE, c->at + 1, (size_t)(p - c->at - 1), false};
        c->at = p + 1;
        return KM_OK;
    }
    return bad(c, "a quotation does not end", err);
}

km_status km_cif_next(km_cif *c, km_cif_word *ret, km_err *err)
{
    skip_blanks(c);
    const char *p = c->at;
    *ret = (km_cif_word){KM_CIF_END, p, 0, false};
    if (p == c->end) return KM_OK;
    if (*p == ';' && (p == c->start || p[-1] == '\n')) return take_text(c, ret, err);
    if (*p == '\'' || *p == '"') return take_quoted(c, ret, err);
    while (p < c->end && !blank(*p)) p++;
    size_t n = (size_t)(p - c->at);
    const char *word = c->at;
    if (n >= 5 && strncasecmp(word, "save_", 5) == 0) return bad(c, "save frames are not read", err);
    c->at = p;
    if (n > 5 && strncasecmp(word, "data_", 5) == 0) *ret = (km_cif_word){KM_CIF_DATA, word + 5, n - 5, false};
    else if (n == 5 && strncasecmp(word, "loop_", 5) == 0) *ret = (km_cif_word){KM_CIF_LOOP, word, n, false};
    else if (*word == '_') *ret = (km_cif_word){KM_CIF_TAG, word, n, false};
    else *ret = (km_cif_word){KM_CIF_VALUE, word, n, n == 1 && (*word == '?' || *word == '.')};
    return KM_OK;
}
