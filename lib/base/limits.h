/* SPDX-License-Identifier: MIT
 * What the machine leaves to this process.
 * Tests: tests/unit/test_io.c */
#ifndef KM_BASE_LIMITS_H
#define KM_BASE_LIMITS_H

#include <stdint.h>

/* Bytes that can still be taken: the least of what the system calls available (/proc/meminfo), what the control group's
 * limit leaves (versions 1 and 2, as batch systems set them) and what ulimit -v leaves. INT64_MAX where nothing of this
 * can be read. */
int64_t km_memory_available(void);
/* What a run may take: what the user allows, or (0) all that is available. */
int64_t km_memory_allowed(int64_t asked);

#endif
