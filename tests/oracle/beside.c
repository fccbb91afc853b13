/* SPDX-License-Identifier: MIT
 * What comes with an input: its templates, whose texts are in the case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/chem/templates.h"
#include "tests/oracle/beside.h"

/* In a new folder, the caller's to remove. */
static char *write_texts(const json_t *texts)
{
    char *folder = km_asprintf("%s/km-oracle-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
    const char *name;
    json_t *text;
    if (!mkdtemp(folder)) KM_BUG("no place for the case's files");
    json_object_foreach((json_t *)texts, name, text)
    {
        char *path = km_asprintf("%s/%s", folder, name);
        FILE *f = fopen(path, "w");
        if (!f || fputs(json_string_value(text), f) < 0 || fclose(f)) KM_BUG("cannot write %s", path);
        free(path);
    }
    return folder;
}

static void remove_texts(char *folder, const json_t *texts)
{
    const char *name;
    json_t *text;
    json_object_foreach((json_t *)texts, name, text)
    {
        char *path = km_asprintf("%s/%s", folder, name);
        unlink(path);
        free(path);
    }
    rmdir(folder);
    free(folder);
}

static void compare(oracle_case *o, const char *name, const int32_t *ints, const float *floats, km_dim n)
{
    float *x = km_arena_get(o->cx->arena, (size_t)n * sizeof *x);
    for (km_dim i = 0; i < n; i++) x[i] = floats ? floats[i] : (float)ints[i];
    oracle_compare(o, name, x, n);
}

void oracle_compare_templates(oracle_case *o, const km_schema *in, const json_t *texts, km_library *l)
{
    char *folder = write_texts(texts);
    km_templates *t;
    if (km_chem_templates_listed(in->system, in->templates, folder, l, &t, &o->err) < 0) {
        oracle_fail(o, o->err.msg);
    } else {
        km_dim n = (km_dim)t->n_templates * t->n_tokens;
        compare(o, "out/template_restype", t->restype, NULL, n);
        compare(o, "out/template_frame_rot", NULL, t->frame_rot, 9 * n);
        compare(o, "out/template_frame_t", NULL, t->frame_t, 3 * n);
        compare(o, "out/template_cb", NULL, t->cb, 3 * n);
        compare(o, "out/template_ca", NULL, t->ca, 3 * n);
        compare(o, "out/template_mask_cb", NULL, t->mask_cb, n);
        compare(o, "out/template_mask_frame", NULL, t->mask_frame, n);
        compare(o, "out/template_mask", NULL, t->mask, n);
        compare(o, "out/visibility_ids", t->visibility_ids, NULL, n);
        km_templates_free(t);
    }
    remove_texts(folder, texts);
}
