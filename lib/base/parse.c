/* SPDX-License-Identifier: MIT
 * Times and sizes with a unit, as text and back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/opt.h"

typedef struct unit {
    const char *name;
    double factor;
} unit;

static const unit times[] = {{"fs", 1}, {"ps", 1e3}, {"ns", 1e6}, {"us", 1e9}, {"ms", 1e12}};
static const unit sizes[] = {{"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}, {"T", 0x1p40}};

static bool parse_unit(const char *text, const unit *units, int n, int64_t *ret)
{
    char *end;
    size_t digits = strspn(text, "0123456789.");
    if (digits == 0 || text[digits] == 'x' || text[digits] == 'X') return false; /* strtod reads 0x10 as well */
    double v = strtod(text, &end);
    for (int i = 0; i < n; i++) {
        if (strcmp(end, units[i].name) || end == text) continue;
        double whole = v * units[i].factor, near = round(whole);
        if (!(near < 9e18) || fabs(whole - near) > 1e-6 * fmax(1, near) * 1e-3) return false;
        *ret = (int64_t)near;
        return true;
    }
    return false;
}

km_status km_parse_time(const char *text, int64_t *ret_fs, km_err *err)
{
    if (!parse_unit(text, times, 5, ret_fs))
        return km_fail(err, KM_USAGE, "'%.40s' is not a time with a unit (100fs, 2ps, 0.5ns, 1us, 1ms)", text);
    return *ret_fs > 0 ? KM_OK : km_fail(err, KM_USAGE, "'%.40s': a time must be above zero", text);
}

km_status km_parse_size(const char *text, int64_t *ret_bytes, km_err *err)
{
    if (!parse_unit(text, sizes, 4, ret_bytes)) return km_fail(err, KM_USAGE, "'%.40s' is not a size (512M, 4G)", text);
    return KM_OK;
}

void km_format_time(int64_t fs, char out[32])
{
    int i = 0;
    while (i < 4 && fs != 0 && llabs(fs) >= (long long)times[i + 1].factor) i++;
    for (; i > 0; i--) { /* the largest unit that needs at most three decimals */
        double v = (double)fs / times[i].factor * 1000;
        if (v == round(v)) break;
    }
    snprintf(out, 32, "%.15g%s", (double)fs / times[i].factor, times[i].name);
}

void km_format_bytes(int64_t bytes, char out[32])
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes;
    int i = 0;
    while (i < 6 && v >= 999.5) v /= 1000, i++;
    snprintf(out, 32, i > 0 && v < 99.95 ? "%.3g %s" : "%.0f %s", v, names[i]);
}
