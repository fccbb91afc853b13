/* SPDX-License-Identifier: MIT */
#include "lib/base/text.h"

#include <string.h>

bool km_ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}
