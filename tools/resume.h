/* SPDX-License-Identifier: MIT
 * Going on with the output of an interrupted run. */
#ifndef TOOLS_RESUME_H
#define TOOLS_RESUME_H

#include "tools/filter.h"

/* As km_filter_run, reading what an interrupted run of this program wrote to PATH.part: `ready`, with the run's own
 * record as the last of f->system's provenance unless the run left it out; `frame` for each frame that is there, which
 * must not write it, f->marked from the run's own frames on; then `end`, which appends what is missing. PATH gets its
 * name when that is done. Until then PATH.part stays, but for a cut message at its end. Where PATH.part is gone and
 * PATH is there the run was finished: nothing is done, and 0 returned. */
int km_filter_resume(const km_cli *cli, const char *part, const km_filter_hooks *hooks, void *arg);

/* In `ready`: read the options of the run's record into the program's table, whose values must be at their defaults,
 * and set *ret_seed. With
 * --no-pg there must be no record: the options are those of the command line. KM_INPUT for another program or version,
 * KM_USAGE for another
 * --seed or --no-pg. */
km_status km_resume_recall(const km_filter *f, uint64_t *ret_seed, km_err *err) KM_MUST_USE;

#endif
