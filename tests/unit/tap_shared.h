/* SPDX-License-Identifier: MIT
 * The counters behind tap.h, for test code that lies in more than one file. */
#ifndef TESTS_UNIT_TAP_SHARED_H
#define TESTS_UNIT_TAP_SHARED_H

#include <stdbool.h>

/* Print "ok N - NAME" or "not ok N - NAME" and return good. */
bool tap_ok(bool good, const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
#define tap_result(good, ...) tap_ok((good), __FILE__, __LINE__, __VA_ARGS__)
/* Print the plan; the exit status. */
int tap_end(void);

#endif
