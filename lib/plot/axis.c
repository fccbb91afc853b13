/* SPDX-License-Identifier: MIT */
#include "lib/plot/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"

double km_axis_share(const km_axis *a, double v)
{
    if (!isfinite(v) || (a->log && v <= 0)) return NAN;
    double share = a->log ? log(v / a->from) / log(a->to / a->from) : (v - a->from) / (a->to - a->from);
    return fmin(fmax(share, 0), 1);
}

static const double nice[] = {1, 2, 5};

/* The smallest of 1, 2, 5 times a power of ten that is not below v > 0, or the largest not above it. */
static double nice_above(double v)
{
    double ten = pow(10, floor(log10(v)));
    for (int i = 0; i < 3; i++)
        if (nice[i] * ten >= v * (1 - 1e-9)) return nice[i] * ten;
    return 10 * ten;
}

static double nice_below(double v)
{
    double ten = pow(10, floor(log10(v) + 1e-9));
    for (int i = 2; i > 0; i--)
        if (nice[i] * ten <= v * (1 + 1e-9)) return nice[i] * ten;
    return ten;
}

void km_axis_fit(km_axis *a, double low, double high)
{
    if (!isfinite(low) || !isfinite(high) || low > high || (a->log && low <= 0)) low = a->log ? 1 : 0, high = low + 1;
    if (a->log) {
        a->from = nice_below(low), a->to = nice_above(high);
        if (a->from >= a->to) a->to = nice_above(2 * a->from);
        return;
    }
    if (high - low <= 1e-9 * fmax(fabs(low), fabs(high)) || high == low) {
        double room = low != 0 ? 0.1 * fabs(low) : 1;
        low -= room, high += room;
    }
    double step = a->step > 0 ? a->step : nice_above((high - low) / 8);
    a->from = floor(low / step + 1e-9) * step, a->to = ceil(high / step - 1e-9) * step;
}

/* The number with a true minus sign. */
static void write_number(km_tick *t, int decimals)
{
    char plain[20];
    if (decimals < 0) snprintf(plain, sizeof plain, "%g", fabs(t->value));
    else snprintf(plain, sizeof plain, "%.*f", decimals, fabs(t->value));
    snprintf(t->text, sizeof t->text, "%s%s", t->value < 0 ? "−" : "", plain);
}

/* Of a step, so that neighbouring ticks differ; -1 where plain decimals would be too long. */
static int decimals_of(double step, double largest)
{
    if (largest >= 1e7) return -1;
    for (int d = 0; d <= 6; d++, step *= 10)
        if (fabs(step - round(step)) < 1e-6 * step) return d;
    return -1;
}

static int linear_ticks(const km_axis *a, int most, km_tick *ret)
{
    double step = a->step > 0 ? a->step : nice_above((a->to - a->from) / (most - 1));
    int decimals = decimals_of(step, fmax(fabs(a->from), fabs(a->to))), n = 0;
    double first = ceil(a->from / step - 1e-6), last = floor(a->to / step + 1e-6);
    for (double i = first; i <= last && n < most; i++) {
        ret[n].value = i * step + 0.0; /* never -0 */
        write_number(&ret[n++], decimals);
    }
    return n;
}

static int log_ticks(const km_axis *a, int most, km_tick *ret)
{
    static const struct {
        int n;
        double m[3];
    } sets[] = {{3, {1, 2, 5}}, {1, {1}}};
    int low = (int)floor(log10(a->from) + 1e-9), high = (int)floor(log10(a->to) + 1e-9);
    for (int set = 0, every = 1;; set == 0 ? set++ : every++) {
        int n = 0;
        bool room = true;
        for (int e = low; e <= high && room; e += every)
            for (int i = 0; i < sets[set].n && room; i++) {
                double v = sets[set].m[i] * pow(10, e);
                if (v < a->from * (1 - 1e-9) || v > a->to * (1 + 1e-9)) continue;
                room = n < most;
                if (!room) break;
                ret[n].value = v;
                write_number(&ret[n++], -1);
            }
        if (room) return n;
    }
}

int km_axis_ticks(const km_axis *a, int most, km_tick *ret)
{
    KM_ASSERT(a->from < a->to && most >= 2 && most <= KM_TICKS);
    return a->log ? log_ticks(a, most, ret) : linear_ticks(a, most, ret);
}
