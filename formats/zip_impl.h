/* SPDX-License-Identifier: MIT
 * Records of a zip archive, for its reader and its writer (PKWARE's APPNOTE, sections 4.3 to 4.5): how many bytes each
 * has before its names and extra fields, and how it begins. */
#ifndef FORMATS_ZIP_IMPL_H
#define FORMATS_ZIP_IMPL_H

#include <stdint.h>

#include "formats/zip.h"

enum { END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, ENTRY_BYTES = 46, LOCAL_BYTES = 30 };
static const uint32_t end_sign = 0x06054b50, end64_sign = 0x06064b50, locator_sign = 0x07064b50,
                      entry_sign = 0x02014b50, local_sign = 0x04034b50;

#endif
