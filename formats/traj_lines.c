/* SPDX-License-Identifier: MIT */
#include "formats/traj_lines.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"

enum { BLOCK = 1 << 16 };

km_lines km_lines_from(const km_traj *t, int64_t offset)
{
    return (km_lines){.t = t, .offset = offset, .block = km_alloc(BLOCK)};
}

void km_lines_free(km_lines *l) { free(l->block); }

km_status km_lines_next(km_lines *l, const char **ret_line, size_t *ret_n, int64_t *opt_offset, km_err *err)
{
    char *end = memchr(l->block + l->at, '\n', l->n - l->at);
    if (!end) { /* move what is left to the front and read on */
        const size_t left = l->n - l->at;
        memmove(l->block, l->block + l->at, left);
        l->offset += (int64_t)l->at;
        l->at = 0;
        const int64_t rest = l->t->size - l->offset - (int64_t)left, room = BLOCK - (int64_t)left;
        const size_t more = (size_t)(rest < room ? rest : room);
        KM_TRY(km_traj_pread(l->t, l->block + left, more, l->offset + (int64_t)left, err));
        l->n = left + more;
        end = memchr(l->block, '\n', l->n);
    }
    const size_t n = end ? (size_t)(end - l->block) - l->at : l->n - l->at;
    if (n > KM_LINE_MAX)
        return km_fail(err, KM_INPUT, "%s: a line of more than %d characters at byte %lld", l->t->name, KM_LINE_MAX,
                       (long long)(l->offset + (int64_t)l->at));
    l->whole = end != NULL;
    if (!end && n == 0) return 0;
    *ret_line = l->block + l->at;
    *ret_n = n > 0 && (*ret_line)[n - 1] == '\r' ? n - 1 : n;
    if (opt_offset) *opt_offset = l->offset + (int64_t)l->at;
    l->at += n + l->whole;
    return 1;
}

/* Digits and a point are exact in 53 bits and a power of ten up to 22, and so is the quotient. */
static bool plain_number(const char *p, const char *end, double *ret)
{
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const bool negative = *p == '-';
    int64_t value = 0;
    int digits = 0, point = -1;
    for (p += negative; p < end; p++) {
        if (*p == '.' && point < 0) point = digits;
        else if (*p >= '0' && *p <= '9' && digits < 15) value = 10 * value + (*p - '0'), digits++;
        else return false;
    }
    if (digits == 0) return false;
    *ret = (double)value / (point < 0 ? 1 : tens[digits - point]);
    if (negative) *ret = -*ret;
    return true;
}

km_status km_text_end_frame(km_traj *t, int64_t atoms, int64_t end, km_err *err)
{
    if (t->n_frames > 0 && atoms != t->n_atoms)
        return km_fail(err, KM_INPUT, "%s: frame %lld has %lld atoms, those before it %d", t->name,
                       (long long)t->n_frames, (long long)atoms, t->n_atoms);
    if (atoms > INT_MAX / 16) return km_fail(err, KM_INPUT, "%s: too many atoms", t->name);
    t->n_atoms = (int32_t)atoms;
    t->n_frames++;
    km_traj_add_offset(t, end);
    return KM_OK;
}

bool km_text_number(const char *p, size_t n, double *ret)
{
    char copy[64], *stop;
    const char *end = p + n;
    while (p < end && *p == ' ') p++;
    while (p < end && end[-1] == ' ') end--;
    if (p == end || end - p >= (ptrdiff_t)sizeof copy) return false;
    if (plain_number(p, end, ret)) return true;
    memcpy(copy, p, (size_t)(end - p));
    copy[end - p] = '\0';
    *ret = strtod(copy, &stop);
    return *stop == '\0' && isfinite(*ret);
}

bool km_text_title_fs(const char *title, size_t n, int64_t *ret_fs)
{
    double ps;
    for (size_t i = n; i-- > 1;) {
        if (title[i - 1] != 't' || title[i] != '=' || (i > 1 && title[i - 2] != ' ' && title[i - 2] != ',')) continue;
        size_t from = i + 1, to;
        while (from < n && title[from] == ' ') from++;
        for (to = from; to < n && title[to] != ' '; to++) continue;
        if (!km_text_number(title + from, to - from, &ps) || !(fabs(ps) < 1e15)) return false;
        *ret_fs = llround(ps * 1000);
        return true;
    }
    return false;
}
