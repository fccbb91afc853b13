/* SPDX-License-Identifier: MIT */
#include "lib/base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

km_status km_fail(km_err *opt_err, km_status code, const char *fmt, ...)
{
    if (opt_err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(opt_err->msg, sizeof opt_err->msg, fmt, ap);
        va_end(ap);
        opt_err->code = code;
    }
    return code;
}

km_status km_fail_in(km_err *opt_err, const char *prefix)
{
    if (!opt_err) return KM_INPUT;
    char was[sizeof opt_err->msg];
    memcpy(was, opt_err->msg, sizeof was);
    int n = snprintf(opt_err->msg, sizeof opt_err->msg, "%.120s: ", prefix);
    snprintf(opt_err->msg + n, sizeof opt_err->msg - (size_t)n, "%.*s", (int)(sizeof was - (size_t)n - 1), was);
    return opt_err->code;
}

void km_bug(const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "%s:%d: bug: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}
