/* SPDX-License-Identifier: MIT
 * Just enough of the Test Anything Protocol: ok(condition, "name") lines, a plan at the end, the exit status. */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <stdbool.h>
#include <stdio.h>

#include "tests/unit/tap_shared.h"

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

#endif
