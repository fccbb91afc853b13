/* SPDX-License-Identifier: MIT
 * SHA-256 of what is added, in order.
 * Tests: tests/unit/test_base.c */
#ifndef KM_BASE_DIGEST_H
#define KM_BASE_DIGEST_H

#include <stddef.h>

typedef struct km_digest km_digest;
km_digest *km_digest_new(void);
void km_digest_add(km_digest *d, const void *data, size_t bytes);
/* In hexadecimal; d is gone. */
void km_digest_end(km_digest *d, char out[65]);

#endif
