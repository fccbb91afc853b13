/* SPDX-License-Identifier: MIT
 * Messages that tensors belong to: `msa`, `templates` and `trunk`. What each says itself, and which tensors come behind
 * it, described once for writing and reading (km-stream(5)). */
#include <string.h>

#include "formats/km_wire.h"
#include "lib/base/mem.h"

enum { MAX_WIDTH = 1 << 16 };

static void put_int(msgpack_packer *p, const char *key, int64_t v)
{
    km_wire_put_text(p, key);
    msgpack_pack_int64(p, v);
}

static void put_text(msgpack_packer *p, const char *key, const char *v)
{
    km_wire_put_text(p, key);
    km_wire_put_text(p, v);
}

void km_wire_put_trunk(msgpack_packer *p, const km_trunk_result *t)
{
    msgpack_pack_map(p, t->inputs_s == t->token_s ? 9 : 10);
    put_text(p, "type", "trunk");
    put_int(p, "n_tokens", t->n_tokens);
    put_int(p, "token_s", t->token_s);
    if (t->inputs_s != t->token_s) put_int(p, "inputs_s", t->inputs_s);
    put_int(p, "token_z", t->token_z);
    put_int(p, "recycles", t->recycles);
    put_text(p, "weights_name", t->weights_name);
    put_text(p, "weights_path", t->weights_path);
    put_text(p, "weights_digest", t->weights_digest);
    put_text(p, "trunk_digest", t->trunk_digest);
}

void km_wire_put_msa(msgpack_packer *p, const km_msa *m)
{
    msgpack_pack_map(p, 3);
    put_text(p, "type", "msa");
    put_int(p, "n_rows", m->n_rows);
    put_int(p, "n_tokens", m->n_tokens);
}

void km_wire_put_templates(msgpack_packer *p, const km_templates *t)
{
    msgpack_pack_map(p, 3);
    put_text(p, "type", "templates");
    put_int(p, "n_templates", t->n_templates);
    put_int(p, "n_tokens", t->n_tokens);
}

/* A number that fits and is that of the system's tokens where it counts them. */
static km_status get(const msgpack_object *o, const char *key, int64_t low, int64_t high, int32_t *ret, km_err *err)
{
    int64_t v;
    KM_TRY(km_wire_int(o, key, low, high, &v, err));
    *ret = (int32_t)v;
    return KM_OK;
}

km_status km_wire_get_trunk(const msgpack_object *o, int32_t N, km_trunk_result *t, km_err *err)
{
    KM_TRY(get(o, "n_tokens", N, N, &t->n_tokens, err));
    KM_TRY(get(o, "token_s", 1, MAX_WIDTH, &t->token_s, err));
    t->inputs_s = t->token_s;
    if (km_wire_get(o, "inputs_s")) KM_TRY(get(o, "inputs_s", 1, MAX_WIDTH, &t->inputs_s, err));
    KM_TRY(get(o, "token_z", 1, MAX_WIDTH, &t->token_z, err));
    KM_TRY(get(o, "recycles", 0, INT32_MAX, &t->recycles, err));
    KM_TRY(km_wire_string(o, "weights_name", &t->weights_name, err));
    KM_TRY(km_wire_string(o, "weights_path", &t->weights_path, err));
    KM_TRY(km_wire_string(o, "weights_digest", &t->weights_digest, err));
    return km_wire_string(o, "trunk_digest", &t->trunk_digest, err);
}

km_status km_wire_get_msa(const msgpack_object *o, int32_t N, km_msa *m, km_err *err)
{
    KM_TRY(get(o, "n_rows", 1, KM_MSA_MAX_ROWS, &m->n_rows, err));
    return get(o, "n_tokens", N, N, &m->n_tokens, err);
}

km_status km_wire_get_templates(const msgpack_object *o, int32_t N, km_templates *t, km_err *err)
{
    KM_TRY(get(o, "n_templates", 1, KM_TEMPLATES_MAX, &t->n_templates, err));
    return get(o, "n_tokens", N, N, &t->n_tokens, err);
}

/* rows of `width` elements of `each` bytes; field is the address of the record's pointer. */
static km_wire_part part(const char *of, int64_t rows, size_t width, size_t each, void *field)
{
    return (km_wire_part){of, rows, width * each, field};
}

int km_wire_trunk_parts(const km_trunk_result *t, km_wire_part out[KM_WIRE_MAX_PARTS])
{
    int64_t N = t->n_tokens;
    size_t in = (size_t)t->inputs_s, s = (size_t)t->token_s, z = (size_t)N * (size_t)t->token_z;
    const km_wire_part parts[] = {
        part("trunk.s_inputs", N, in, 4, (void *)&t->s_inputs),
        part("trunk.s", N, s, 4, (void *)&t->s),
        part("trunk.z", N, z, 4, (void *)&t->z),
    };
    memcpy(out, parts, sizeof parts);
    return sizeof parts / sizeof *parts;
}

int km_wire_msa_parts(const km_msa *m, km_wire_part out[KM_WIRE_MAX_PARTS])
{
    int64_t S = m->n_rows, N = m->n_tokens;
    size_t n = (size_t)N;
    const km_wire_part parts[] = {
        part("msa.residues", S, n, 1, (void *)&m->residues),
        part("msa.paired", S, n, 1, (void *)&m->paired),
        part("msa.deletions", S, n, 4, (void *)&m->deletions),
        part("msa.profile", N, KM_MSA_CLASSES, 4, (void *)&m->profile),
        part("msa.deletion_mean", N, 1, 4, (void *)&m->deletion_mean),
    };
    memcpy(out, parts, sizeof parts);
    return sizeof parts / sizeof *parts;
}

int km_wire_templates_parts(const km_templates *t, km_wire_part out[KM_WIRE_MAX_PARTS])
{
    int64_t T = t->n_templates;
    size_t n = (size_t)t->n_tokens;
    const km_wire_part parts[] = {
        part("templates.restype", T, n, 4, (void *)&t->restype),
        part("templates.frame_rot", T, 9 * n, 4, (void *)&t->frame_rot),
        part("templates.frame_t", T, 3 * n, 4, (void *)&t->frame_t),
        part("templates.cb", T, 3 * n, 4, (void *)&t->cb),
        part("templates.ca", T, 3 * n, 4, (void *)&t->ca),
        part("templates.mask_cb", T, n, 4, (void *)&t->mask_cb),
        part("templates.mask_frame", T, n, 4, (void *)&t->mask_frame),
        part("templates.mask", T, n, 4, (void *)&t->mask),
        part("templates.visibility_ids", T, n, 4, (void *)&t->visibility_ids),
    };
    memcpy(out, parts, sizeof parts);
    return sizeof parts / sizeof *parts;
}

void *km_wire_part_data(const km_wire_part *part)
{
    void *data;
    memcpy(&data, part->field, sizeof data);
    return data;
}

void km_wire_part_set(const km_wire_part *part, void *data)
{
    if (!data) data = km_alloc(0);
    memcpy(part->field, &data, sizeof data);
}
