/* SPDX-License-Identifier: MIT
 * formats/trunk_h5: there and back, as halves or not, cut, changed, and what is another's. */
#include "formats/trunk_h5.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/unit/tap.h"

static char folder[] = "/tmp/km-test-XXXXXX", path[64];

static km_trunk_result *make(float largest)
{
    km_trunk_result *t = km_trunk_result_new(3, 4, 4, 2);
    for (int i = 0; i < 12; i++) t->s_inputs[i] = (float)i / 3, t->s[i] = (float)-i * 0.1f;
    for (int i = 0; i < 18; i++) t->z[i] = (float)i * 1e-3f;
    t->z[7] = largest;
    t->recycles = 3;
    free(t->trunk_digest), free(t->weights_name);
    t->trunk_digest = km_strdup("feed"), t->weights_name = km_strdup("mini");
    return t;
}

static bool same(const km_trunk_result *a, const km_trunk_result *b)
{
    return !memcmp(a->s_inputs, b->s_inputs, 12 * 4) && !memcmp(a->s, b->s, 12 * 4) && !memcmp(a->z, b->z, 18 * 4) &&
           a->token_s == b->token_s && a->token_z == b->token_z && a->recycles == b->recycles &&
           !strcmp(a->trunk_digest, b->trunk_digest) && !strcmp(a->weights_name, b->weights_name) &&
           !strcmp(b->weights_path, "");
}

static void test_round_trip(float largest, bool half, const char *what)
{
    km_trunk_result *t = make(largest), *exact = make(largest), *r;
    km_err err = {0};
    km_trunk_h5_round(t);
    ok(fabsf(t->s_inputs[1] - 1 / 3.f) < 1e-4f && t->s_inputs[1] != 1 / 3.f, "%s: a third is rounded", what);
    ok((t->z[1] != exact->z[1]) == half && t->z[7] == largest, "%s: z is %s", what, half ? "rounded" : "as it was");
    ok(km_trunk_h5_write(folder, "key", "input", t, &err) == KM_OK, "%s: written %s", what, err.msg);
    if (ok(km_trunk_h5_read(folder, "key", 3, &r, &err) == 1, "%s: read %s", what, err.msg))
        ok(same(t, r), "%s: every number", what);
    km_trunk_result_free(r), km_trunk_result_free(t), km_trunk_result_free(exact);
}

static void test_label(void)
{
    km_trunk_h5_label l = {0};
    km_err err;
    ok(km_trunk_h5_label_read(path, &l, &err) == 1 && !strcmp(l.key, "key") && !strcmp(l.input, "input") &&
           !strcmp(l.trunk_digest, "feed") && !strcmp(l.weights_name, "mini") && l.recycles == 3 && l.n_tokens == 3 &&
           l.token_s == 4 && l.token_z == 2,
       "its label: %d %d %d", l.n_tokens, l.token_s, l.token_z);
    ok(km_trunk_h5_label_read("/nowhere/x.h5", &l, &err) == 0, "no file, no label");
    ok(km_trunk_h5_label_read("/dev/null", &l, &err) == KM_INPUT, "%s", err.msg);
}

static void test_wrong(void)
{
    km_trunk_result *r, *t = make(NAN);
    km_err err;
    ok(km_trunk_h5_read(folder, "other", 3, &r, &err) == 0 && !r, "nothing there");
    ok(km_trunk_h5_read(folder, "key", 4, &r, &err) == KM_INPUT && strstr(err.msg, "damaged"), "%s", err.msg);
    char *other = km_asprintf("%s/other.h5", folder);
    if (rename(path, other)) ok(false, "renamed");
    ok(km_trunk_h5_read(folder, "other", 3, &r, &err) == KM_INPUT && strstr(err.msg, "not the trunk's"), "%s", err.msg);
    unlink(other);
    free(other);
    ok(km_trunk_h5_write(folder, "key", "input", t, &err) == KM_OK &&
           km_trunk_h5_read(folder, "key", 3, &r, &err) == KM_INPUT,
       "what is no number is refused");
    ok(km_trunk_h5_write("tests/none", "key", "input", t, &err) == KM_SYSTEM && strstr(err.msg, "tests/none/key.h5"),
       "%s", err.msg);
    km_trunk_result_free(t);
}

/* libhdf5 loses 330 bytes of each file that it refuses to open. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libhdf5"; }

static km_status read_bytes(const char *data, size_t n)
{
    km_trunk_result *r;
    km_err err;
    FILE *f = fopen(path, "wb");
    fwrite(data, 1, n, f);
    fclose(f);
    km_status got = km_trunk_h5_read(folder, "key", 3, &r, &err);
    km_trunk_result_free(r);
    return got;
}

static void test_damage(void)
{
    km_trunk_result *t = make(1);
    km_err err;
    static char data[1 << 17];
    ok(km_trunk_h5_write(folder, "key", "input", t, &err) == KM_OK, "written");
    FILE *f = fopen(path, "rb");
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    int missed = 0, odd = 0;
    for (size_t k = 0; k < n; k += 61) missed += read_bytes(data, k) != KM_INPUT;
    for (size_t k = 0; k < n; k += 7) {
        data[k] ^= 0x24;
        km_status got = read_bytes(data, n);
        odd += got != 1 && got != KM_INPUT;
        data[k] ^= 0x24;
    }
    ok(n > 1000 && n < sizeof data && missed == 0, "cut anywhere in %zu bytes it is refused", n);
    ok(odd == 0, "with a changed byte it is read or refused");
    km_trunk_result_free(t);
}

int main(void)
{
    if (!ok(mkdtemp(folder) != NULL, "a folder")) return tap_end();
    snprintf(path, sizeof path, "%s/key.h5", folder);
    test_round_trip(1, true, "small");
    test_round_trip(6e4f, true, "just fitting");
    test_round_trip(7e4f, false, "large");
    test_label();
    test_wrong();
    test_damage();
    unlink(path);
    rmdir(folder);
    return tap_end();
}
