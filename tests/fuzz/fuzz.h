/* SPDX-License-Identifier: MIT
 * A fuzz target: libFuzzer calls it with made-up bytes (`make fuzz TARGET=km`), replay.c with those kept in
 * tests/data/fuzz. It returns 0 and must neither crash nor leak. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
