/* SPDX-License-Identifier: MIT
 * What libkm offers to other programs: errors, the records of a system and its frames, the stream, trajectory files and
 * weights. Compile and link with what `pkg-config --cflags --libs kinematic` says. Contracts stand in the headers
 * below.
 * Tests: tests/cli/install.bats */
#ifndef KINEMATIC_H
#define KINEMATIC_H

/* The C library's own headers come first, outside of extern "C". */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
#define _Noreturn [[noreturn]]
extern "C" {
#endif

#include "formats/km.h"
#include "formats/safetensors.h"
#include "formats/traj.h"
#include "lib/base/err.h"
#include "lib/base/system.h"

#ifdef __cplusplus
}
#undef _Noreturn
#endif

#endif
