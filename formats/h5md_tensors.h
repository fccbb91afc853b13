/* SPDX-License-Identifier: MIT
 * Alignment and templates in H5MD: /kinematic/msa and /kinematic/templates, groups with the numbers of the stream's
 * messages as attributes and their tensors as data sets, bytes [rows, bytes of a row] in the stream's types,
 * compressed. */
#ifndef FORMATS_H5MD_TENSORS_H
#define FORMATS_H5MD_TENSORS_H

#include <hdf5.h>
#include <stdbool.h>

#include "lib/base/alignment.h"

/* false where HDF5 refuses. */
bool km_h5md_write_msa(hid_t file, const km_msa *m);
bool km_h5md_write_templates(hid_t file, const km_templates *t);
/* *ret is NULL where there is none. KM_INPUT: damaged, of another number of tokens, or numbers that cannot be. */
km_status km_h5md_read_msa(hid_t file, int32_t n_tokens, km_msa **ret, km_err *err) KM_MUST_USE;
km_status km_h5md_read_templates(hid_t file, int32_t n_tokens, km_templates **ret, km_err *err) KM_MUST_USE;

#endif
