/* SPDX-License-Identifier: MIT
 * Small questions to a text.
 * Tests: tests/unit/test_base.c */
#ifndef KM_BASE_TEXT_H
#define KM_BASE_TEXT_H

#include <stdbool.h>

bool km_ends_with(const char *text, const char *end);

#endif
