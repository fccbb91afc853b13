/* SPDX-License-Identifier: MIT
 * Shared by the files behind opt.h. */
#ifndef KM_BASE_OPT_INTERNAL_H
#define KM_BASE_OPT_INTERNAL_H

#include "lib/base/opt.h"

extern const km_opt km_common_options[];
void km_cli_help(const km_program *p);    /* -h, to standard output */
void km_cli_version(const km_program *p); /* --version, likewise */

#endif
