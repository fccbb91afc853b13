/* SPDX-License-Identifier: MIT
 * Where messages come from: a stream, or a file of H5MD read as if it were one (its system, its frames, an end). */
#ifndef TOOLS_SOURCE_H
#define TOOLS_SOURCE_H

#include "formats/h5md.h"
#include "formats/km.h"

typedef struct km_source km_source;
/* Kind by content. NULL or "-" is standard input, which must be a stream. */
km_status km_source_open(const char *opt_path, km_source **ret, km_err *err) KM_MUST_USE;
void km_source_close(km_source *s);
/* As km_reader_next and km_reader_take_*. */
km_status km_source_next(km_source *s, km_msg *ret_msg, km_err *err) KM_MUST_USE;
km_system *km_source_take_system(km_source *s);
km_msa *km_source_take_msa(km_source *s);
km_templates *km_source_take_templates(km_source *s);
km_trunk_result *km_source_take_trunk(km_source *s);
/* The stream's counts; zeros for H5MD. */
km_reader_stats km_source_stats(const km_source *s);
/* The H5MD file behind it, or NULL. */
const km_h5md *km_source_h5md(const km_source *s);

#endif
