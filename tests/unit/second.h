/* SPDX-License-Identifier: MIT
 * Second opinions: numbers that other programs gave for the dynamics in tests/data/eval (make_second.py there). */
#ifndef TESTS_UNIT_SECOND_H
#define TESTS_UNIT_SECOND_H

#include "formats/structure.h"

/* The number under this key of tests/data/eval/second.txt. Exits without it. */
double second_opinion(const char *key);
/* ok when what was computed is within `allowed` of it, or both are NaN. */
void second_check(const char *key, double got, double allowed);

/* All frames of tests/data/eval/NAME.xtc, coords [F, A, 3], the caller's. Exits without them. */
float *second_frames(const char *name, int64_t *ret_frames);
/* The same of CA alone, [F, n_ca, 3]. */
float *second_ca(const char *name, int64_t *ret_frames, int32_t *ret_n);
/* Their topology, with the start structure's coordinates. */
km_structure *second_start(void);

#endif
