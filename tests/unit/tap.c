/* SPDX-License-Identifier: MIT */
#include "tests/unit/tap.h"

#include <stdarg.h>

static int count, bad;

bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    char name[256];
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, name);
    if (!good) {
        bad++;
        printf("# at %s:%d\n", file, line);
    }
    fflush(stdout);
    return good;
}

int tap_end(void)
{
    printf("1..%d\n", count);
    return bad != 0;
}
