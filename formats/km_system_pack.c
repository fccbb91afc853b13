/* SPDX-License-Identifier: MIT
 * The `system` message: tables of columns, described once for writing and reading (km-stream(5)). */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "formats/km.h"
#include "formats/km_wire.h"
#include "lib/base/mem.h"

typedef enum kind { NAME, CHARACTER, I32, U8, I8, F32, VEC3 } kind;

typedef struct column {
    const char *key;
    kind kind;
    size_t offset;
} column;

#define COL(type, field, k) {#field, k, offsetof(type, field)}
static const column atom_columns[] = {
    COL(km_atom, name, NAME),      COL(km_atom, element, U8), COL(km_atom, charge, I8),
    COL(km_atom, present, U8),     COL(km_atom, residue, I32), COL(km_atom, token, I32),
    COL(km_atom, ref_pos, VEC3),   COL(km_atom, ref_space_uid, I32), {0},
};
static const column residue_columns[] = {
    COL(km_residue, name, NAME),       COL(km_residue, chain, I32), COL(km_residue, number, I32),
    COL(km_residue, icode, CHARACTER), COL(km_residue, index, I32), COL(km_residue, first_atom, I32),
    COL(km_residue, n_atoms, I32),     {0},
};
static const column chain_columns[] = {
    COL(km_chain, name, NAME),           COL(km_chain, mol_type, U8),       COL(km_chain, asym_id, I32),
    COL(km_chain, entity_id, I32),       COL(km_chain, sym_id, I32),        COL(km_chain, cyclic_period, I32),
    COL(km_chain, first_residue, I32),   COL(km_chain, n_residues, I32),    {0},
};
static const column token_columns[] = {
    COL(km_token, residue, I32),       COL(km_token, res_type, I32),      COL(km_token, first_atom, I32),
    COL(km_token, n_atoms, I32),       COL(km_token, center_atom, I32),   COL(km_token, repr_atom, I32),
    COL(km_token, asym_id, I32),       COL(km_token, entity_id, I32),     COL(km_token, sym_id, I32),
    COL(km_token, residue_index, I32), COL(km_token, token_index, I32),   COL(km_token, cyclic_period, I32),
    COL(km_token, mol_type, U8),       COL(km_token, modified, U8),       {0},
};
static const column bond_columns[] = {
    COL(km_bond, a, I32), COL(km_bond, b, I32), COL(km_bond, type, U8), {0},
};

static const column contact_columns[] = {
    COL(km_contact, a, I32), COL(km_contact, b, I32), COL(km_contact, type, U8), COL(km_contact, threshold, F32), {0},
};

static const struct table {
    const char *key;
    const column *columns;
    size_t row, count, rows; /* size of a row; where the count and the rows lie in km_system */
} tables[] = {
    {"atoms", atom_columns, sizeof(km_atom), offsetof(km_system, n_atoms), offsetof(km_system, atoms)},
    {"residues", residue_columns, sizeof(km_residue), offsetof(km_system, n_residues), offsetof(km_system, residues)},
    {"chains", chain_columns, sizeof(km_chain), offsetof(km_system, n_chains), offsetof(km_system, chains)},
    {"tokens", token_columns, sizeof(km_token), offsetof(km_system, n_tokens), offsetof(km_system, tokens)},
    {"bonds", bond_columns, sizeof(km_bond), offsetof(km_system, n_bonds), offsetof(km_system, bonds)},
    {"contacts", contact_columns, sizeof(km_contact), offsetof(km_system, n_contacts), offsetof(km_system, contacts)},
};
/* Contacts are written where there are any. */
enum { N_TABLES = sizeof tables / sizeof tables[0], N_NEEDED = N_TABLES - 1 };

/* Bytes of a cell of a column of floats, else 0. */
static size_t float_bytes(kind k) { return k == VEC3 ? 3 * sizeof(float) : k == F32 ? sizeof(float) : 0; }

/* The texts of a provenance record; its seed is a number. */
static const struct {
    const char *key;
    size_t offset;
} provenance_texts[] = {
    {"program", offsetof(km_provenance, program)},
    {"version", offsetof(km_provenance, version)},
    {"arguments", offsetof(km_provenance, arguments)},
    {"weights_name", offsetof(km_provenance, weights_name)},
    {"weights_path", offsetof(km_provenance, weights_path)},
    {"weights_digest", offsetof(km_provenance, weights_digest)},
    {"trunk_digest", offsetof(km_provenance, trunk_digest)},
};
enum { N_TEXTS = sizeof provenance_texts / sizeof provenance_texts[0] };

static void put_cell(msgpack_packer *p, kind k, const void *cell)
{
    char text[sizeof(km_name) + 1] = {0};
    switch (k) {
    case NAME: memcpy(text, cell, sizeof(km_name)); km_wire_put_text(p, text); break;
    case CHARACTER: text[0] = *(const char *)cell; km_wire_put_text(p, text); break;
    case I32: msgpack_pack_int32(p, *(const int32_t *)cell); break;
    case U8: msgpack_pack_uint8(p, *(const uint8_t *)cell); break;
    case I8: msgpack_pack_int8(p, *(const int8_t *)cell); break;
    case F32:
    case VEC3: msgpack_pack_bin_body(p, cell, float_bytes(k)); break;
    }
}

static void put_table(msgpack_packer *p, const struct table *t, const km_system *s)
{
    int32_t n = *(const int32_t *)((const char *)s + t->count);
    const char *rows = *(char *const *)((const char *)s + t->rows);
    uint32_t n_columns = 0;
    while (t->columns[n_columns].key) n_columns++;
    km_wire_put_text(p, t->key);
    msgpack_pack_map(p, n_columns);
    for (const column *c = t->columns; c->key; c++) {
        km_wire_put_text(p, c->key);
        if (float_bytes(c->kind)) msgpack_pack_bin(p, (size_t)n * float_bytes(c->kind));
        else msgpack_pack_array(p, (size_t)n);
        for (int32_t i = 0; i < n; i++) put_cell(p, c->kind, rows + (size_t)i * t->row + c->offset);
    }
}

km_status km_system_pack(const km_system *s, void **ret_bytes, size_t *ret_n, km_err *err)
{
    *ret_bytes = NULL;
    KM_TRY(km_system_check(s, err));
    km_bytes b = {0};
    msgpack_packer p;
    msgpack_packer_init(&p, &b, km_bytes_write);
    int n_tables = s->n_contacts > 0 ? N_TABLES : N_NEEDED;
    msgpack_pack_map(&p, (size_t)(5 + (s->family[0] != 0) + n_tables + s->n_extra));
    km_wire_put_text(&p, "type");
    km_wire_put_text(&p, "system");
    km_wire_put_text(&p, "version");
    msgpack_pack_int(&p, 1);
    km_wire_put_text(&p, "name");
    km_wire_put_text(&p, s->name);
    km_wire_put_text(&p, "method");
    msgpack_pack_int32(&p, s->method);
    if (s->family[0]) {
        km_wire_put_text(&p, "family");
        km_wire_put_text(&p, s->family);
    }
    for (int i = 0; i < n_tables; i++) put_table(&p, &tables[i], s);
    km_wire_put_text(&p, "provenance");
    msgpack_pack_array(&p, (size_t)s->n_provenance);
    for (int32_t i = 0; i < s->n_provenance; i++) {
        msgpack_pack_map(&p, N_TEXTS + 1);
        for (int k = 0; k < N_TEXTS; k++) {
            km_wire_put_text(&p, provenance_texts[k].key);
            km_wire_put_text(&p, *(char *const *)((const char *)&s->provenance[i] + provenance_texts[k].offset));
        }
        km_wire_put_text(&p, "seed");
        msgpack_pack_uint64(&p, s->provenance[i].seed);
    }
    km_bytes_add(&b, s->extra, s->extra_bytes);
    *ret_bytes = b.data;
    *ret_n = b.n;
    return KM_OK;
}

static bool get_text(const msgpack_object *o, char *cell, size_t size)
{
    if (o->type != MSGPACK_OBJECT_STR || o->via.str.size > size) return false;
    if (o->via.str.size && memchr(o->via.str.ptr, 0, o->via.str.size)) return false;
    memset(cell, 0, size);
    memcpy(cell, o->via.str.ptr, o->via.str.size);
    return true;
}

static bool get_int(const msgpack_object *o, int64_t low, int64_t high, int64_t *ret)
{
    bool negative = o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    if (!negative && (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > INT32_MAX)) return false;
    *ret = negative ? o->via.i64 : (int64_t)o->via.u64;
    return *ret >= low && *ret <= high;
}

static bool get_cell(const msgpack_object *o, kind k, void *cell)
{
    int64_t v = 0;
    switch (k) {
    case NAME: return get_text(o, cell, sizeof(km_name) - 1);
    case CHARACTER: return get_text(o, cell, 1) && *(char *)cell;
    case I32:
        if (!get_int(o, INT32_MIN, INT32_MAX, &v)) return false;
        *(int32_t *)cell = (int32_t)v;
        return true;
    case U8:
        if (!get_int(o, 0, UINT8_MAX, &v)) return false;
        *(uint8_t *)cell = (uint8_t)v;
        return true;
    case I8:
        if (!get_int(o, INT8_MIN, INT8_MAX, &v)) return false;
        *(int8_t *)cell = (int8_t)v;
        return true;
    case F32:
    case VEC3: break;
    }
    return false;
}

/* Rows of the column, or -1 for a value of the wrong type. */
static int64_t column_length(const column *c, const msgpack_object *o)
{
    size_t each = float_bytes(c->kind);
    if (each)
        return o->type == MSGPACK_OBJECT_BIN && o->via.bin.size % each == 0 ? (int64_t)(o->via.bin.size / each) : -1;
    return o->type == MSGPACK_OBJECT_ARRAY ? (int64_t)o->via.array.size : -1;
}

static km_status get_table(const struct table *t, const msgpack_object *o, km_system *s, km_err *err)
{
    uint32_t n_columns = 0;
    while (t->columns[n_columns].key) n_columns++;
    if (o->type != MSGPACK_OBJECT_MAP) return km_fail(err, KM_INPUT, "%s: not a map", t->key);
    if (o->via.map.size != n_columns)
        return km_fail(err, KM_INPUT, "%s: %u columns, not %u", t->key, o->via.map.size, n_columns);
    int64_t n = -1;
    char *rows = NULL;
    for (const column *c = t->columns; c->key; c++) {
        const msgpack_object *v = km_wire_get(o, c->key);
        int64_t length = v ? column_length(c, v) : -1;
        if (length < 0 || length > INT32_MAX)
            return km_fail(err, KM_INPUT, "%s: %s: missing or of a wrong type", t->key, c->key);
        if (n < 0) {
            n = length;
            rows = km_calloc((size_t)n, t->row);
            *(char **)((char *)s + t->rows) = rows;
            *(int32_t *)((char *)s + t->count) = (int32_t)n;
        }
        if (length != n)
            return km_fail(err, KM_INPUT, "%s: %s has %lld rows, not %lld", t->key, c->key, (long long)length,
                           (long long)n);
        for (int64_t i = 0; i < n; i++) {
            char *cell = rows + (size_t)i * t->row + c->offset;
            size_t each = float_bytes(c->kind);
            if (each) memcpy(cell, v->via.bin.ptr + each * (size_t)i, each);
            else if (!get_cell(&v->via.array.ptr[i], c->kind, cell))
                return km_fail(err, KM_INPUT, "%s: %s[%lld]: bad value", t->key, c->key, (long long)i);
        }
    }
    return KM_OK;
}

static km_status get_provenance(const msgpack_object *o, km_system *s, km_err *err)
{
    if (o->type != MSGPACK_OBJECT_ARRAY) return km_fail(err, KM_INPUT, "provenance: not an array");
    for (uint32_t i = 0; i < o->via.array.size; i++) {
        const msgpack_object *m = &o->via.array.ptr[i];
        km_provenance p = {0};
        if (m->type != MSGPACK_OBJECT_MAP) return km_fail(err, KM_INPUT, "provenance[%u]: not a map", i);
        const msgpack_object *seed = km_wire_get(m, "seed");
        km_status status = KM_OK;
        if (seed && seed->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            status = km_fail(err, KM_INPUT, "seed: not a whole number");
        p.seed = status == KM_OK && seed ? seed->via.u64 : 0;
        for (int k = 0; k < N_TEXTS && status == KM_OK; k++)
            status =
                km_wire_string(m, provenance_texts[k].key, (char **)((char *)&p + provenance_texts[k].offset), err);
        if (status == KM_OK) km_system_add_provenance(s, &p);
        for (int k = 0; k < N_TEXTS; k++) free(*(char **)((char *)&p + provenance_texts[k].offset));
        if (status < 0) return err ? km_fail_in(err, "provenance") : status;
    }
    return KM_OK;
}

enum { SEEN_NAME = N_TABLES, SEEN_METHOD, SEEN_PROVENANCE, SEEN_TYPE, SEEN_VERSION, SEEN_FAMILY };

/* Which known key this is, or -1. */
static int known_key(const char *key, int64_t n)
{
    static const char *const others[] = {"name", "method", "provenance", "type", "version", "family"};
    for (int i = 0; i < N_TABLES; i++)
        if ((size_t)n == strlen(tables[i].key) && !memcmp(key, tables[i].key, (size_t)n)) return i;
    for (int i = 0; i < 6; i++)
        if ((size_t)n == strlen(others[i]) && !memcmp(key, others[i], (size_t)n)) return SEEN_NAME + i;
    return -1;
}

static km_status get_family(const msgpack_object *v, char to[16], km_err *err)
{
    if (v->type != MSGPACK_OBJECT_STR || !v->via.str.size || v->via.str.size > 15)
        return km_fail(err, KM_INPUT, "family: not a name of 1 to 15 bytes");
    memset(to, 0, 16);
    memcpy(to, v->via.str.ptr, v->via.str.size);
    return KM_OK;
}

static km_status get_entry(km_system *s, int which, const msgpack_object *map, const msgpack_object *v, km_err *err)
{
    int64_t number;
    if (which < N_TABLES) return get_table(&tables[which], v, s, err);
    switch (which) {
    case SEEN_NAME: free(s->name); return km_wire_string(map, "name", &s->name, err);
    case SEEN_METHOD:
        KM_TRY(km_wire_int(map, "method", INT32_MIN, INT32_MAX, &number, err));
        s->method = (int32_t)number;
        return KM_OK;
    case SEEN_PROVENANCE: return get_provenance(v, s, err);
    case SEEN_FAMILY: return get_family(v, s->family, err);
    case SEEN_VERSION: return km_wire_int(map, "version", 1, 1, &number, err);
    default: return km_wire_is(v, "system") ? KM_OK : km_fail(err, KM_INPUT, "type: not a system");
    }
}

static km_status get_system(km_system *s, const uint8_t *bytes, const uint8_t *end, km_err *err)
{
    const uint8_t *p = bytes;
    unsigned seen = 0;
    int64_t n = km_wire_skip(p, end) == end ? km_wire_map(&p, end) : -1;
    if (n < 0) return km_fail(err, KM_INPUT, "not a msgpack map");
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *key = p, *value = km_wire_skip(p, end), *next = km_wire_skip(value, end);
        const char *text = NULL;
        int64_t length = km_wire_text(key, end, &text);
        int which = length < 0 ? -1 : known_key(text, length);
        p = next;
        if (which < 0) { /* kept as it is */
            s->extra = km_realloc(s->extra, s->extra_bytes + (size_t)(next - key));
            memcpy((char *)s->extra + s->extra_bytes, key, (size_t)(next - key));
            s->extra_bytes += (size_t)(next - key);
            s->n_extra++;
            continue;
        }
        if (seen & 1u << which) return km_fail(err, KM_INPUT, "%.*s: twice", (int)length, text);
        seen |= 1u << which;
        msgpack_unpacked key_and_value[2];
        for (int k = 0; k < 2; k++) {
            const uint8_t *from = k ? value : key, *to = k ? next : value;
            msgpack_unpacked_init(&key_and_value[k]);
            if (msgpack_unpack_next(&key_and_value[k], (const char *)from, (size_t)(to - from), NULL) < 0)
                KM_BUG("msgpack-c refuses what was checked");
        }
        msgpack_object_kv kv = {key_and_value[0].data, key_and_value[1].data};
        msgpack_object map = {.type = MSGPACK_OBJECT_MAP, .via.map = {1, &kv}};
        km_status status = get_entry(s, which, &map, &kv.val, err);
        for (int k = 0; k < 2; k++) msgpack_unpacked_destroy(&key_and_value[k]);
        if (status < 0) return status;
    }
    for (int i = 0; i < N_NEEDED; i++)
        if (!(seen & 1u << i)) return km_fail(err, KM_INPUT, "%s: missing", tables[i].key);
    return km_system_check(s, err);
}

km_status km_system_unpack(const void *bytes, size_t n, km_system **ret, km_err *err)
{
    km_system *s = km_system_new();
    *ret = NULL;
    if (get_system(s, bytes, (const uint8_t *)bytes + n, err) < 0) {
        km_system_free(s);
        return err ? km_fail_in(err, "system") : KM_INPUT;
    }
    *ret = s;
    return KM_OK;
}
