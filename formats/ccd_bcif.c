/* SPDX-License-Identifier: MIT
 * A dictionary as BinaryCIF: the rows of three categories of every data block. */
#include <string.h>

#include "formats/bcif.h"
#include "formats/ccd_impl.h"
#include "formats/km_wire.h"

static const msgpack_object *list_of(const msgpack_object *map, const char *key)
{
    const msgpack_object *o = map->type == MSGPACK_OBJECT_MAP ? km_wire_get(map, key) : NULL;
    return o && o->type == MSGPACK_OBJECT_ARRAY ? o : NULL;
}

/* The map of this name in a list of maps, or NULL. */
static const msgpack_object *named(const msgpack_object *list, const char *name)
{
    for (uint32_t i = 0; i < list->via.array.size; i++) {
        const msgpack_object *o = &list->via.array.ptr[i];
        const msgpack_object *n = o->type == MSGPACK_OBJECT_MAP ? km_wire_get(o, "name") : NULL;
        if (n && km_wire_is(n, name)) return o;
    }
    return NULL;
}

static km_ccd_value value_at(const km_bcif_column *c, int64_t row)
{
    km_ccd_value v = {0};
    if (c->n == 0 || (c->mask && c->mask[row])) return v;
    if (c->texts) {
        int32_t i = c->ints[row];
        if (i >= 0) v.s = c->texts + c->offsets[i], v.n = (size_t)(c->offsets[i + 1] - c->offsets[i]);
    } else {
        v.is_number = true;
        v.number = c->reals ? c->reals[row] : c->ints[row];
    }
    return v;
}

static km_status give_rows(const msgpack_object *columns, int64_t rows, int category, km_ccd_builder *b, km_err *err)
{
    const km_ccd_category *of = &km_ccd_categories[category];
    km_bcif_column read[KM_CCD_MAX_COLUMNS] = {{0}};
    km_status status = KM_OK;
    for (int i = 0; of->columns[i] && status == KM_OK; i++) {
        const msgpack_object *column = named(columns, of->columns[i]);
        if (column) status = km_bcif_column_read(column, rows, &read[i], err);
        else if (i < of->needed) status = km_fail(err, KM_INPUT, "%s.%s is missing", of->name, of->columns[i]);
        if (status < 0 && column && err) status = km_fail_in(err, of->columns[i]);
    }
    for (int64_t r = 0; r < rows && status == KM_OK; r++) {
        km_ccd_value row[KM_CCD_MAX_COLUMNS];
        for (int i = 0; i < KM_CCD_MAX_COLUMNS; i++) row[i] = value_at(&read[i], r);
        status = km_ccd_builder_row(b, category, row, err);
    }
    for (int i = 0; i < KM_CCD_MAX_COLUMNS; i++) km_bcif_column_clear(&read[i]);
    return status;
}

static km_status read_block(const msgpack_object *block, km_ccd_builder *b, km_err *err)
{
    const msgpack_object *categories = list_of(block, "categories");
    if (!categories) return km_fail(err, KM_INPUT, "BinaryCIF: a data block without categories");
    for (int c = 0; c < KM_CCD_CATEGORIES; c++) {
        const msgpack_object *category = named(categories, km_ccd_categories[c].name);
        const msgpack_object *columns = category ? list_of(category, "columns") : NULL;
        int64_t rows;
        if (!category) continue;
        if (!columns) return km_fail(err, KM_INPUT, "%s: no columns", km_ccd_categories[c].name);
        KM_TRY(km_wire_int(category, "rowCount", 0, KM_BCIF_MAX_ROWS, &rows, err));
        KM_TRY(give_rows(columns, rows, c, b, err));
    }
    return KM_OK;
}

km_status km_ccd_read_bcif(const char *bytes, size_t n, km_ccd_builder *b, km_err *err)
{
    const uint8_t *p = (const uint8_t *)bytes;
    if (km_wire_skip(p, p + n) != p + n) return km_fail(err, KM_INPUT, "BinaryCIF: cut short or damaged");
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    if (msgpack_unpack_next(&u, bytes, n, NULL) < 0) KM_BUG("msgpack-c refuses what was checked");
    const msgpack_object *blocks = list_of(&u.data, "dataBlocks");
    km_status status = blocks ? KM_OK : km_fail(err, KM_INPUT, "BinaryCIF: no data blocks");
    for (uint32_t i = 0; status == KM_OK && i < blocks->via.array.size; i++)
        status = read_block(&blocks->via.array.ptr[i], b, err);
    msgpack_unpacked_destroy(&u);
    return status;
}
