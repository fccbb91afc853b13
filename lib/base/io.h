/* SPDX-License-Identifier: MIT
 * Bytes in and out: input from a file or standard input, output that appears under its name only when whole.
 * Tests: tests/unit/test_io.c, tests/cli/options.bats */
#ifndef KM_BASE_IO_H
#define KM_BASE_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

/* Open path for reading; "-" or NULL is standard input. Directories are refused. Close with km_input_close. */
km_status km_input_open(const char *path, FILE **ret_file, km_err *err) KM_MUST_USE;
void km_input_close(FILE *f);
/* Map a regular file to be read; NULL and 0 bytes when it is empty. Messages do not name it. */
km_status km_input_map(const char *path, const uint8_t **ret, size_t *ret_bytes, km_err *err) KM_MUST_USE;
void km_input_unmap(const uint8_t *map, size_t bytes);

/* An output. path NULL or "-" is standard output; else PATH.part is written and renamed by km_output_commit. */
typedef struct km_output {
    FILE *file;
    char *path, *part; /* NULL for standard output */
    char what[160];    /* the name messages use */
} km_output;

/* Open; binary output to a terminal is refused with KM_USAGE. */
km_status km_output_open(km_output *o, const char *opt_path, bool binary, km_err *err) KM_MUST_USE;
/* Open PATH.part, left by an interrupted run, to read it and to write behind what is read: KM_USAGE for another name,
 * KM_SYSTEM while the run that writes it is not over. */
km_status km_output_reopen(km_output *o, const char *part, km_err *err) KM_MUST_USE;
/* Cut such a file to its first `bytes`, and write from there on. */
km_status km_output_cut(km_output *o, int64_t bytes, km_err *err) KM_MUST_USE;
/* Flush, check (a full disk is found here) and rename. The output is closed either way. */
km_status km_output_commit(km_output *o, km_err *err) KM_MUST_USE;
/* Close and keep PATH.part, cut by the caller to whole records (an interrupted run), or remove it (a refused input). */
void km_output_abandon(km_output *o, bool keep_part);

/* Set by SIGINT or SIGTERM after km_signals_init: long loops look at it, finish the record they are in and end with
 * KM_INTERRUPTED. A second signal ends the program at once. SIGPIPE keeps its default: the program ends quietly. */
#define KM_INTERRUPTED (-130)
void km_signals_init(void);
bool km_interrupted(void);
/* End the program by the signal that arrived, so that the shell sees it. */
void km_die_by_signal(void);

#endif
