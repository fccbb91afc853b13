/* SPDX-License-Identifier: MIT
 * How a dictionary is read: rows of three categories go to a builder, which makes the image that the index file holds.
 *
 * Image: head, entries by name, records. A record: record_head, its atoms, its bonds. */
#ifndef FORMATS_CCD_IMPL_H
#define FORMATS_CCD_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/component.h"

#define KM_CCD_MAGIC "KMCCD 2"

typedef struct km_ccd_head {
    char magic[8];
    uint64_t source_bytes; /* size and time of the dictionary */
    int64_t source_seconds, source_nanoseconds;
    uint64_t bytes;        /* of the whole image */
    uint32_t count, crc;   /* of components; CRC-32 of the entries */
} km_ccd_head;

typedef struct km_ccd_entry {
    km_name name;
    uint64_t offset; /* of its record in the image */
    uint32_t bytes, crc;
} km_ccd_entry;

typedef struct km_ccd_record {
    uint16_t n_atoms, n_bonds;
    uint8_t mol_type, unplaced, parent, unused;
} km_ccd_record;

typedef struct km_ccd_atom {
    km_name name;
    float pos[3];
    uint8_t element;
    int8_t charge;
    uint8_t leaves, hydrogens;
} km_ccd_atom;

typedef struct km_ccd_bond {
    uint16_t a, b, type;
} km_ccd_bond;

/* One value of a row: text, not terminated, or a number; neither where there is none. */
typedef struct km_ccd_value {
    const char *s;
    size_t n;
    bool is_number;
    double number;
} km_ccd_value;

/* The categories and, of each, the columns that count, in the order a row has them. */
enum { KM_CCD_COMP, KM_CCD_ATOM, KM_CCD_BOND, KM_CCD_CATEGORIES };
enum { KM_CCD_MAX_COLUMNS = 11 };
typedef struct km_ccd_category {
    const char *name;
    const char *columns[KM_CCD_MAX_COLUMNS + 1]; /* NULL behind the last */
    int needed;                                  /* the first so many must be there */
} km_ccd_category;
extern const km_ccd_category km_ccd_categories[KM_CCD_CATEGORIES];

typedef struct km_ccd_builder km_ccd_builder;
km_ccd_builder *km_ccd_builder_new(void);
void km_ccd_builder_free(km_ccd_builder *b);
/* Take a row of a category. KM_INPUT for a value that makes no sense. */
km_status km_ccd_builder_row(km_ccd_builder *b, int category, const km_ccd_value *row, km_err *err) KM_MUST_USE;
/* The image; its head has no source yet. The caller frees it. */
km_status km_ccd_builder_image(km_ccd_builder *b, char **ret, size_t *ret_n, km_err *err) KM_MUST_USE;

/* Give all rows of a dictionary in mmCIF, or in BinaryCIF, to the builder. */
km_status km_ccd_read_cif(const char *text, size_t n, km_ccd_builder *b, km_err *err) KM_MUST_USE;
km_status km_ccd_read_bcif(const char *bytes, size_t n, km_ccd_builder *b, km_err *err) KM_MUST_USE;

#endif
