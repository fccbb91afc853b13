/* SPDX-License-Identifier: MIT
 * Just enough of the Test Anything Protocol: ok(condition, "name") lines, a plan at the end, the exit status. */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_bad;

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5), unused)) static bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
    __builtin_va_list ap;
    char name[256];
    __builtin_va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    __builtin_va_end(ap);
    printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
    if (!good) {
        tap_bad++;
        printf("# at %s:%d\n", file, line);
    }
    fflush(stdout);
    return good;
}

__attribute__((unused)) static int tap_end(void)
{
    printf("1..%d\n", tap_count);
    return tap_bad != 0;
}

#endif
