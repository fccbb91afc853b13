/* SPDX-License-Identifier: MIT
 * formats/km: the stream there and back, cut at every byte, every byte changed, and messages that lie. */
#include "tests/unit/tap.h"

#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "formats/km.h"
#include "formats/km_wire.h"
#include "lib/base/mem.h"

typedef struct memory {
    char *data;
    size_t n;
} memory;

/* Two residues, glycine's four atoms and an ion; two tokens, three bonds, one provenance record, one unknown key. */
static km_system *make_system(void)
{
    km_system *s = km_system_new();
    free(s->name);
    s->name = km_strdup("probe");
    s->method = 3;
    s->n_atoms = 5, s->n_residues = 2, s->n_chains = 2, s->n_tokens = 2, s->n_bonds = 3;
    s->atoms = KM_NEWN(km_atom, 5);
    static const char *const names[] = {"N", "CA", "C", "O", "ZN"};
    static const uint8_t elements[] = {7, 6, 6, 8, 30};
    for (int i = 0; i < 5; i++) {
        strcpy(s->atoms[i].name, names[i]);
        s->atoms[i].element = elements[i];
        s->atoms[i].charge = i == 4 ? 2 : i == 3 ? -1 : 0;
        s->atoms[i].present = 1;
        s->atoms[i].residue = s->atoms[i].token = s->atoms[i].ref_space_uid = i / 4;
        for (int k = 0; k < 3; k++) s->atoms[i].ref_pos[k] = (float)(i - k) * 1.1f;
    }
    s->residues = KM_NEWN(km_residue, 2);
    s->residues[0] = (km_residue){"GLY", 0, -5, 'A', 0, 0, 4};
    s->residues[1] = (km_residue){"ZN", 1, 101, ' ', 0, 4, 1};
    s->chains = KM_NEWN(km_chain, 2);
    s->chains[0] = (km_chain){"A", KM_PROTEIN, 0, 0, 0, 0, 0, 1};
    s->chains[1] = (km_chain){"long-na", KM_NONPOLYMER, 1, 1, 0, 0, 1, 1};
    s->tokens = KM_NEWN(km_token, 2);
    s->tokens[0] = (km_token){0, 9, 0, 4, 1, 1, 0, 0, 0, 0, 0, 0, KM_PROTEIN, 0};
    s->tokens[1] = (km_token){1, 2, 4, 1, 4, 4, 1, 1, 0, 0, 1, 0, KM_NONPOLYMER, 1};
    s->bonds = KM_NEWN(km_bond, 3);
    for (int i = 0; i < 3; i++) s->bonds[i] = (km_bond){i, i + 1, i == 2 ? KM_BOND_DOUBLE : KM_BOND_SINGLE};
    km_provenance p = {(char *)"km-test", (char *)"0", (char *)"--a 'b c'", UINT64_MAX, NULL, NULL,
                       (char *)"abc",     NULL};
    km_system_add_provenance(s, &p);
    static const uint8_t extra[] = {0xa3, 'n', 'e', 'w', 0x92, 0x01, 0xc4, 0x02, 0x00, 0xff};
    s->extra = memcpy(km_alloc(sizeof extra), extra, sizeof extra);
    s->extra_bytes = sizeof extra;
    s->n_extra = 1;
    return s;
}

static const uint8_t unknown[] = {0x82, 0xa4, 't',  'y',  'p',  'e',  0xa3, 'o',  'd',  'd', 0xa1,
                                  'x',  0xcb, 0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18};

/* Frames i to n - 1 and the end. */
static km_status write_frames(km_writer *w, int i, int n, km_err *err)
{
    for (; i < n; i++) {
        float x[15];
        for (int j = 0; j < 15; j++) x[j] = (float)(i * 15 + j) * 0.37f - 20;
        km_frame frame = {50000 * (int64_t)(i / 2) - 100000, i % 2, i < 2, 5, x};
        KM_TRY(km_writer_frame(w, &frame, err));
    }
    return km_writer_end(w, err);
}

/* Three rows, the last of them paired in the first chain. */
static km_msa *make_msa(void)
{
    km_msa *m = km_msa_new(3, 2);
    for (int i = 0; i < 6; i++) m->residues[i] = (uint8_t)(i + 2), m->deletions[i] = i == 3 ? 70000 : 0;
    m->paired[4] = 1;
    for (int i = 0; i < 66; i++) m->profile[i] = (float)(i % 3) / 3;
    m->deletion_mean[1] = 0.5f;
    return m;
}

static km_templates *make_templates(void)
{
    km_templates *t = km_templates_new(2, 2);
    for (int i = 0; i < 4; i++) t->restype[i] = i, t->mask[i] = (float)(i % 2), t->visibility_ids[i] = i - 2;
    for (int i = 0; i < 36; i++) t->frame_rot[i] = (float)i;
    for (int i = 0; i < 12; i++) t->frame_t[i] = (float)-i, t->cb[i] = (float)i / 4, t->ca[i] = (float)i / 8;
    t->mask_cb[0] = t->mask_frame[3] = 1;
    return t;
}

static km_status write_tensors(km_writer *w, km_err *err)
{
    km_msa *m = make_msa();
    km_templates *t = make_templates();
    km_status status = km_writer_msa(w, m, err);
    if (status == KM_OK) status = km_writer_templates(w, t, err);
    km_msa_free(m), km_templates_free(t);
    return status;
}

static memory write_stream(int n_systems, int n_frames, bool trunk)
{
    memory m = {0};
    km_err err;
    FILE *f = open_memstream(&m.data, &m.n);
    km_writer *w = km_writer_new(f, "memory");
    km_system *s = make_system();
    bool good = true;
    for (int k = 0; k < n_systems; k++) {
        good &= km_writer_system(w, s, &err) == KM_OK && km_writer_raw(w, unknown, sizeof unknown, &err) == KM_OK;
        if (trunk) {
            good &= write_tensors(w, &err) == KM_OK;
            km_trunk_result *t = km_trunk_result_new(2, 3, 3, 2);
            for (int i = 0; i < 6; i++) t->s_inputs[i] = (float)i, t->s[i] = (float)-i;
            for (int i = 0; i < 8; i++) t->z[i] = (float)i / 2;
            free(t->trunk_digest);
            t->trunk_digest = km_strdup("feed");
            t->recycles = 3;
            good &= km_writer_trunk(w, t, &err) == KM_OK;
            km_trunk_result_free(t);
        }
        good &= write_frames(w, 0, n_frames, &err) == KM_OK;
    }
    if (!good) ok(false, "written: %s", err.msg);
    km_system_free(s);
    km_writer_free(w);
    fclose(f);
    return m;
}

/* Read to the end or the first error; counts[type] messages. */
static km_status drain(const void *p, size_t n, int counts[8], km_err *err)
{
    static const char nothing[1];
    FILE *f = n ? fmemopen((void *)p, n, "rb") : fmemopen((void *)nothing, 1, "rb");
    if (!n) fgetc(f);
    km_reader *r = km_reader_new(f, "memory");
    km_msg m;
    km_status got;
    memset(counts, 0, 8 * sizeof *counts);
    while ((got = km_reader_next(r, &m, err)) == 1) counts[m.type]++;
    km_err again;
    if (got < 0 && (km_reader_next(r, &m, &again) != got || strcmp(again.msg, err->msg))) ok(false, "an error stays");
    km_reader_free(r);
    fclose(f);
    return got;
}

static bool same_system(const km_system *a, const km_system *b)
{
    void *x, *y;
    size_t nx, ny;
    km_err err;
    if (km_system_pack(a, &x, &nx, &err) < 0 || km_system_pack(b, &y, &ny, &err) < 0) return false;
    bool same = nx == ny && !memcmp(x, y, nx);
    free(x);
    free(y);
    return same;
}

static void test_system(void)
{
    km_err err;
    km_system *s = make_system(), *t;
    void *bytes;
    size_t n;
    ok(km_system_pack(s, &bytes, &n, &err) == KM_OK, "a system is packed");
    if (ok(km_system_unpack(bytes, n, &t, &err) == KM_OK, "and unpacked")) {
        ok(!memcmp(s->atoms, t->atoms, 5 * sizeof *s->atoms) &&
               !memcmp(s->residues, t->residues, 2 * sizeof *s->residues) &&
               !memcmp(s->chains, t->chains, 2 * sizeof *s->chains) &&
               !memcmp(s->bonds, t->bonds, 3 * sizeof *s->bonds),
           "atoms, residues, chains and bonds are the same");
        ok(!memcmp(s->tokens, t->tokens, 2 * sizeof *s->tokens) && t->method == 3 && !strcmp(t->name, "probe"),
           "and the rest");
        ok(t->n_provenance == 1 && t->provenance[0].seed == UINT64_MAX &&
               !strcmp(t->provenance[0].arguments, "--a 'b c'") && !strcmp(t->provenance[0].weights_name, "") &&
               !strcmp(t->provenance[0].weights_digest, "abc"),
           "provenance");
        ok(t->n_extra == 1 && t->extra_bytes == s->extra_bytes && !memcmp(t->extra, s->extra, s->extra_bytes),
           "the unknown key");
        ok(same_system(s, t), "packed again it is the same bytes");
        km_system_free(t);
    }
    int missed = 0, crashed = 0;
    for (size_t k = 0; k < n; k++) {
        uint8_t *cut = memcpy(km_alloc(k), bytes, k); /* of just this size, so that a sanitizer sees a read beyond */
        missed += km_system_unpack(cut, k, &t, &err) != KM_INPUT;
        free(cut);
    }
    for (size_t k = 0; k < n * 8; k++) {
        ((uint8_t *)bytes)[k / 8] ^= (uint8_t)(1 << k % 8);
        km_status status = km_system_unpack(bytes, n, &t, &err);
        crashed += status != KM_OK && status != KM_INPUT;
        km_system_free(t);
        ((uint8_t *)bytes)[k / 8] ^= (uint8_t)(1 << k % 8);
    }
    ok(missed == 0, "a packed system cut anywhere is refused");
    ok(crashed == 0, "a packed system with a flipped bit is read or refused");
    free(bytes);
    s->atoms[2].residue = 7;
    ok(km_system_pack(s, &bytes, &n, &err) == KM_INPUT && !bytes, "a system that is wrong is not packed");
    km_system_free(s);
}

static void test_tensors(km_reader *r)
{
    km_err err;
    km_msg g;
    km_msa *m = make_msa();
    km_templates *t = make_templates();
    if (ok(km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_MSA && g.msa->n_rows == 3 && g.msa->n_tokens == 2,
           "the alignment"))
        ok(!memcmp(g.msa->residues, m->residues, 6) && !memcmp(g.msa->paired, m->paired, 6) &&
               !memcmp(g.msa->deletions, m->deletions, 6 * 4) && !memcmp(g.msa->profile, m->profile, 66 * 4) &&
               !memcmp(g.msa->deletion_mean, m->deletion_mean, 2 * 4), "and every number of it");
    km_msa *mine = km_reader_take_msa(r);
    ok(mine && !km_reader_take_msa(r), "it can be taken, once");
    if (ok(km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_TEMPLATES && g.templates->n_templates == 2,
           "the templates"))
        ok(!memcmp(g.templates->restype, t->restype, 4 * 4) && !memcmp(g.templates->frame_rot, t->frame_rot, 36 * 4) &&
               !memcmp(g.templates->frame_t, t->frame_t, 12 * 4) && !memcmp(g.templates->cb, t->cb, 12 * 4) &&
               !memcmp(g.templates->ca, t->ca, 12 * 4) && !memcmp(g.templates->mask_cb, t->mask_cb, 4 * 4) &&
               !memcmp(g.templates->mask_frame, t->mask_frame, 4 * 4) &&
               !memcmp(g.templates->mask, t->mask, 4 * 4) &&
               !memcmp(g.templates->visibility_ids, t->visibility_ids, 4 * 4), "and every number of them");
    km_msa_free(mine), km_msa_free(m), km_templates_free(t);
}

static void test_contents(memory m)
{
    km_err err;
    km_msg g;
    FILE *f = fmemopen(m.data, m.n, "rb");
    km_reader *r = km_reader_new(f, "memory");
    km_system *want = make_system();
    ok(km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_SYSTEM && same_system(g.system, want),
       "the system comes first");
    km_system *mine = km_reader_take_system(r);
    ok(mine && !km_reader_take_system(r), "it can be taken, once");
    ok(km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_OTHER && g.raw_bytes == sizeof unknown &&
           !memcmp(g.raw, unknown, sizeof unknown) && !strcmp(g.raw_kind, "odd"), "an unknown message comes as it was");
    test_tensors(r);
    ok(km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_TRUNK && g.trunk->recycles == 3 && g.trunk->z[7] == 3.5f &&
           g.trunk->s[5] == -5 && g.trunk->s_inputs[4] == 4 && !strcmp(g.trunk->trunk_digest, "feed"),
       "the trunk, whole");
    int good = 0;
    for (int i = 0; i < 4; i++)
        good += km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_FRAME &&
                g.frame.time_fs == 50000 * (i / 2) - 100000 && g.frame.trajectory == i % 2 &&
                g.frame.given == (i < 2) && g.frame.coords[14] == (float)(i * 15 + 14) * 0.37f - 20;
    ok(good == 4, "frames of two trajectories, interleaved");
    ok(km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_END && g.n_frames == 4, "the end and its count");
    ok(km_reader_next(r, &g, &err) == 0 && km_reader_next(r, &g, &err) == 0, "a clean end, twice");
    km_reader_stats stats = km_reader_get_stats(r);
    ok(stats.bytes == (int64_t)m.n && stats.messages == 27, "bytes and messages are counted");
    km_system_free(mine);
    km_system_free(want);
    km_reader_free(r);
    fclose(f);
}

static void test_damage(memory m, const char *what)
{
    int counts[8], missed = 0, unnamed = 0, unseen = 0;
    km_err err;
    for (size_t k = 0; k < m.n; k++) {
        missed += drain(m.data, k, counts, &err) != KM_INPUT;
        unnamed += !strstr(err.msg, "truncated") || !strstr(err.msg, "record") || !strstr(err.msg, "byte");
    }
    ok(missed == 0 && unnamed == 0, "%s: cut at each of %zu bytes is truncated, and says where", what, m.n);
    for (size_t k = 0; k < m.n; k++) {
        char was = m.data[k];
        for (int bit = 0; bit < 9; bit++) {
            m.data[k] = bit < 8 ? (char)(was ^ 1 << bit) : (char)~was;
            if (drain(m.data, m.n, counts, &err) != KM_INPUT) {
                unseen++;
                printf("# byte %zu bit %d\n", k, bit);
            }
        }
        m.data[k] = was;
    }
    ok(unseen == 0, "%s: no flipped bit or byte goes unnoticed", what);
}

/* Cut anywhere behind its system and gone on with, a stream has the bytes that it had. */
static void test_going_on(memory m, int n_frames)
{
    int tried = 0, good = 0;
    for (size_t k = 1; k < m.n; k++) {
        km_err err;
        km_msg g;
        memory out = {0};
        FILE *in = fmemopen(m.data, k, "rb"), *f = open_memstream(&out.data, &out.n);
        km_reader *r = km_reader_new(in, "memory");
        int frames = 0, messages = 0;
        while (km_reader_next(r, &g, &err) == 1) frames += g.type == KM_MSG_FRAME, messages++;
        if (messages > 1) { /* the system and what comes behind it */
            tried++;
            fwrite(m.data, 1, (size_t)km_reader_get_stats(r).bytes, f);
            km_writer *w = km_writer_behind(r, f, "memory");
            good += write_frames(w, frames, n_frames, &err) == KM_OK && fflush(f) == 0 && out.n == m.n &&
                    !memcmp(out.data, m.data, m.n);
            km_writer_free(w);
        }
        km_reader_free(r);
        fclose(in), fclose(f);
        free(out.data);
    }
    ok(tried > 100 && good == tried, "cut at %d places and gone on with, the same bytes at %d", tried, good);
}

/* A zstd frame of these bytes as another writer may make it. */
static size_t squeeze(char *out, size_t size, const void *p, size_t n, int checksum, int content_size)
{
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, checksum);
    ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, content_size);
    size_t k = ZSTD_compress2(z, out, size, p, n);
    ZSTD_freeCCtx(z);
    return k;
}

/* A stream of one system and then this msgpack message, given as bytes. */
static km_status after_system(const void *p, size_t n, km_err *err)
{
    memory m = {0};
    FILE *f = open_memstream(&m.data, &m.n);
    km_writer *w = km_writer_new(f, "memory");
    km_system *s = make_system();
    char out[4096];
    int counts[8];
    if (km_writer_system(w, s, err) < 0) ok(false, "a system is written");
    size_t k = squeeze(out, sizeof out, p, n, 1, 1);
    fwrite(out, 1, k, f);
    km_system_free(s);
    km_writer_free(w);
    fclose(f);
    km_status status = drain(m.data, m.n, counts, err);
    free(m.data);
    return status;
}

static void test_new_frames(void)
{
    memory m = {0};
    km_err err;
    km_msg g;
    FILE *f = open_memstream(&m.data, &m.n);
    km_writer *w = km_writer_new(f, "memory");
    km_system *s = make_system();
    ok(km_writer_system(w, s, &err) == KM_OK && km_writer_new_frames(w, 1, &err) == KM_OK &&
           km_writer_end(w, &err) == KM_OK,
       "a mark is written");
    km_system_free(s), km_writer_free(w), fclose(f);
    km_reader *r = km_reader_new(f = fmemopen(m.data, m.n, "rb"), "memory");
    ok(km_reader_next(r, &g, &err) == 1 && g.record == 0, "a system is none");
    ok(km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_OTHER && g.record == 1 &&
           !strcmp(g.raw_kind, "new_frames") && g.raw_bytes,
       "it is read, and can be passed on");
    km_reader_free(r), fclose(f), free(m.data);
    static const uint8_t without[] = {0x81, 0xa4, 't', 'y', 'p', 'e', 0xaa, 'n', 'e',
                                      'w',  '_',  'f', 'r', 'a', 'm', 'e',  's'};
    ok(after_system(without, sizeof without, &err) == KM_INPUT && strstr(err.msg, "record"),
       "one without its record is refused");
}

static km_status after_system_frame(double time, int trajectory, size_t bytes, float value, km_err *err)
{
    msgpack_sbuffer b;
    msgpack_packer p;
    float x[32];
    for (int i = 0; i < 32; i++) x[i] = value;
    msgpack_sbuffer_init(&b);
    msgpack_packer_init(&p, &b, msgpack_sbuffer_write);
    msgpack_pack_map(&p, 5);
    km_wire_put_text(&p, "type"), km_wire_put_text(&p, "frame");
    km_wire_put_text(&p, "time"), msgpack_pack_double(&p, time);
    km_wire_put_text(&p, "trajectory"), msgpack_pack_int(&p, trajectory);
    km_wire_put_text(&p, "given"), msgpack_pack_true(&p);
    km_wire_put_text(&p, "coords"), km_wire_put_bin(&p, x, bytes);
    km_status status = after_system(b.data, b.size, err);
    msgpack_sbuffer_destroy(&b);
    return status;
}

static void test_lies(memory good)
{
    km_err err;
    int counts[8];
    static const uint8_t huge[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe4, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0};
    ok(drain(huge, sizeof huge, counts, &err) == KM_INPUT && strstr(err.msg, "too long"), "2^60 bytes of content: %s",
       err.msg);
    uint8_t claim[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa4, 0, 0, 0, 0x20, 1, 0, 0, 0, 0, 0, 0};
    ok(drain(claim, sizeof claim, counts, &err) == KM_INPUT && strstr(err.msg, "content size"),
       "half a GiB in no block");
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
    char *both = km_alloc(good.n + sizeof skippable), out[512];
    memcpy(both, skippable, sizeof skippable);
    memcpy(both + sizeof skippable, good.data, good.n);
    ok(drain(both, good.n + sizeof skippable, counts, &err) == KM_INPUT, "a skippable frame in front is refused");
    memcpy(both, good.data, good.n);
    memcpy(both + good.n, skippable, sizeof skippable);
    ok(drain(both, good.n + sizeof skippable, counts, &err) == KM_INPUT, "and behind");
    free(both);
    ok(drain(out, squeeze(out, sizeof out, unknown, sizeof unknown, 0, 1), counts, &err) == KM_INPUT &&
           strstr(err.msg, "checksum"), "no checksum");
    ok(drain(out, squeeze(out, sizeof out, unknown, sizeof unknown, 1, 0), counts, &err) == KM_INPUT &&
           strstr(err.msg, "content size"), "no content size");
    ok(drain(out, squeeze(out, sizeof out, unknown, sizeof unknown, 1, 1), counts, &err) == KM_INPUT &&
           strstr(err.msg, "before any system"), "a message before the system");
    static const uint8_t no_type[] = {0x81, 0xa1, 'x', 0x01}, deep[64] = {[0 ... 63] = 0x91}, two[] = {0x80, 0x80},
                         long_array[] = {0x82, 0xa4, 't',  'y',  'p',  'e',  0xa1, 'x',
                                         0xa1, 'y',  0xdd, 0xff, 0xff, 0xff, 0xff};
    ok(after_system(no_type, sizeof no_type, &err) == KM_INPUT && strstr(err.msg, "type"), "no type");
    ok(after_system(deep, sizeof deep, &err) == KM_INPUT, "nested too deep");
    ok(after_system(two, sizeof two, &err) == KM_INPUT, "two values in one frame");
    ok(after_system(long_array, sizeof long_array, &err) == KM_INPUT, "an array of 2^32 - 1 values in no bytes");
    ok(after_system_frame(1, 0, 60, 1, &err) == KM_INPUT && strstr(err.msg, "truncated"), "a good frame is taken");
    ok(after_system_frame(1, 0, 48, 1, &err) == KM_INPUT && strstr(err.msg, "5 atoms"), "a frame of too few atoms");
    ok(after_system_frame(NAN, 0, 60, 1, &err) == KM_INPUT && strstr(err.msg, "time"), "a time that is no number");
    ok(after_system_frame(1e13, 0, 60, 1, &err) == KM_INPUT && strstr(err.msg, "time"), "a time beyond all bounds");
    ok(after_system_frame(1, -1, 60, 1, &err) == KM_INPUT && strstr(err.msg, "trajectory"), "trajectory -1");
    ok(after_system_frame(1, 1 << 30, 60, 1, &err) == KM_INPUT && strstr(err.msg, "trajectory"), "trajectory 2^30");
    ok(after_system_frame(1, 0, 60, NAN, &err) == KM_INPUT && strstr(err.msg, "finite"),
       "a coordinate that is no number");
}

/* Tensors out of order, twice, of another system, or with numbers that cannot be. */
static km_status written(bool templates_first, int msas, int32_t N, int residue, int deletions, float mask, km_err *err)
{
    memory m = {0};
    int counts[8];
    FILE *f = open_memstream(&m.data, &m.n);
    km_writer *w = km_writer_new(f, "memory");
    km_system *s = make_system();
    km_msa *a = km_msa_new(2, N);
    km_templates *t = km_templates_new(1, 2);
    a->residues[3] = (uint8_t)residue, a->deletions[1] = deletions, t->mask_cb[1] = mask;
    bool good = km_writer_system(w, s, err) == KM_OK;
    if (templates_first) good &= km_writer_templates(w, t, err) == KM_OK;
    for (int i = 0; i < msas; i++) good &= km_writer_msa(w, a, err) == KM_OK;
    if (!templates_first) good &= km_writer_templates(w, t, err) == KM_OK;
    good &= km_writer_end(w, err) == KM_OK;
    if (!good) ok(false, "written: %s", err->msg);
    km_system_free(s), km_msa_free(a), km_templates_free(t), km_writer_free(w);
    fclose(f);
    km_status status = drain(m.data, m.n, counts, err);
    free(m.data);
    return status;
}

static void test_tensor_lies(void)
{
    km_err err;
    ok(written(false, 1, 2, 32, 9, 1, &err) == 0, "tensors in order are read");
    ok(written(true, 1, 2, 0, 0, 0, &err) == KM_INPUT && strstr(err.msg, "wrong place"), "templates before: %s",
       err.msg);
    ok(written(false, 2, 2, 0, 0, 0, &err) == KM_INPUT && strstr(err.msg, "wrong place"), "two alignments: %s",
       err.msg);
    ok(written(false, 1, 3, 0, 0, 0, &err) == KM_INPUT && strstr(err.msg, "n_tokens"), "three tokens: %s", err.msg);
    ok(written(false, 1, 2, 33, 0, 0, &err) == KM_INPUT && strstr(err.msg, "row 1, token 1: no class 33"), "%s",
       err.msg);
    ok(written(false, 1, 2, 0, -1, 0, &err) == KM_INPUT && strstr(err.msg, "deletions -1"), "%s", err.msg);
    ok(written(false, 1, 2, 0, 0, 0.5f, &err) == KM_INPUT && strstr(err.msg, "mask_cb: element 1"), "%s", err.msg);
    ok(written(false, 1, 2, 0, 0, NAN, &err) == KM_INPUT && strstr(err.msg, "mask_cb: element 1"), "%s", err.msg);
}

/* Rows of a trunk beyond 16 MiB come in several messages. */
static void test_many_rows(void)
{
    km_system *s = km_system_new();
    enum { N = 300, Z = 64 };
    s->n_tokens = N, s->n_atoms = N, s->n_residues = s->n_chains = 1;
    s->atoms = KM_NEWN(km_atom, N);
    s->tokens = KM_NEWN(km_token, N);
    s->residues = KM_NEWN(km_residue, 1);
    s->chains = KM_NEWN(km_chain, 1);
    s->residues[0].icode = ' ', s->residues[0].n_atoms = N, s->chains[0].n_residues = 1;
    for (int i = 0; i < N; i++) {
        s->atoms[i].element = 6, s->atoms[i].token = i;
        s->tokens[i] = (km_token){.first_atom = i, .n_atoms = 1, .center_atom = i, .repr_atom = i};
    }
    km_trunk_result *t = km_trunk_result_new(N, 2, 2, Z);
    for (int i = 0; i < N * N * Z; i++) t->z[i] = (float)(i % 1013);
    memory m = {0};
    km_err err;
    FILE *f = open_memstream(&m.data, &m.n);
    km_writer *w = km_writer_new(f, "memory");
    ok(km_writer_system(w, s, &err) == KM_OK && km_writer_trunk(w, t, &err) == KM_OK && km_writer_end(w, &err) == KM_OK,
       "written");
    km_writer_free(w);
    fclose(f);
    f = fmemopen(m.data, m.n, "rb");
    km_reader *r = km_reader_new(f, "memory");
    km_msg g;
    ok(km_reader_next(r, &g, &err) == 1 && km_reader_next(r, &g, &err) == 1 && g.type == KM_MSG_TRUNK &&
           !memcmp(g.trunk->z, t->z, sizeof(float) * N * N * Z), "23 MB of rows come back");
    ok(km_reader_get_stats(r).messages == 6, "in two messages");
    km_reader_free(r);
    fclose(f);
    free(m.data);
    km_trunk_result_free(t);
    km_system_free(s);
}

int main(void)
{
    int counts[8];
    km_err err;
    memory one = write_stream(1, 2, false), full = write_stream(1, 4, true), two = write_stream(2, 3, false);
    test_system();
    test_contents(full);
    test_damage(one, "frames only");
    test_damage(full, "with tensors");
    ok(drain(two.data, two.n, counts, &err) == 0 && counts[KM_MSG_SYSTEM] == 2 && counts[KM_MSG_FRAME] == 6 &&
           counts[KM_MSG_END] == 2, "two systems in one stream");
    char *cat = km_alloc(one.n + full.n);
    memcpy(cat, one.data, one.n);
    memcpy(cat + one.n, full.data, full.n);
    ok(drain(cat, one.n + full.n, counts, &err) == 0 && counts[KM_MSG_SYSTEM] == 2, "two streams one behind the other");
    free(cat);
    test_going_on(one, 2);
    test_new_frames();
    test_lies(one);
    test_tensor_lies();
    test_many_rows();
    FILE *f = fopen("/dev/full", "wb");
    km_writer *w = km_writer_new(f, "full");
    km_system *s = make_system();
    ok(km_writer_system(w, s, &err) == KM_SYSTEM && strstr(err.msg, "full: cannot write"), "a full disk");
    km_system_free(s);
    km_writer_free(w);
    fclose(f);
    free(one.data);
    free(full.data);
    free(two.data);
    return tap_end();
}
