/* SPDX-License-Identifier: MIT
 * Errors: returned, never printed; the library neither prints nor exits.
 *
 * A failure (the user's input, a file, a device) is a negative status with a message in a caller-owned km_err.
 * A bug (a broken precondition) is KM_BUG, which aborts with its place.
 * Tests: tests/unit/test_base.c */
#ifndef KM_BASE_ERR_H
#define KM_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

/* 0 is success, a negative value is -(exit status of a program that fails so). Readers return 1 for a record, 0 for a
 * clean end, and a negative status for an error. */
typedef int km_status;

enum {
    KM_OK = 0,
    KM_NEGATIVE = -1, /* a negative answer: a threshold missed, a check failed */
    KM_USAGE = -2,    /* an impossible option or call */
    KM_INPUT = -3,    /* bad or truncated input */
    KM_SYSTEM = -4,   /* system, file or network */
    KM_DEVICE = -5,   /* accelerator */
};

typedef struct km_err {
    km_status code;
    char msg[256]; /* "FILE: what is wrong, and where", lower case, no full stop, no newline */
} km_err;

#define KM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define KM_MUST_USE __attribute__((warn_unused_result))

/* Fill opt_err (when not NULL) and return code, so that a caller can write `return km_fail(err, KM_INPUT, ...)`. */
km_status km_fail(km_err *opt_err, km_status code, const char *fmt, ...) KM_PRINTF(3, 4);

/* Put "PREFIX: " before the message that err holds already (a file's name, say) and return its code. */
km_status km_fail_in(km_err *opt_err, const char *prefix);

/* Hand a failure upward. */
#define KM_TRY(expr)                                                                                                   \
    do {                                                                                                               \
        km_status km_try_ = (expr);                                                                                    \
        if (km_try_ < 0) return km_try_;                                                                               \
    } while (0)

/* A broken precondition: say where, and abort. */
_Noreturn void km_bug(const char *file, int line, const char *fmt, ...) KM_PRINTF(3, 4);
#define KM_BUG(...) km_bug(__FILE__, __LINE__, __VA_ARGS__)
#define KM_ASSERT(cond) ((cond) ? (void)0 : KM_BUG("%s", #cond))

#endif
