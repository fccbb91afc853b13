/* SPDX-License-Identifier: MIT
 * oracle [--device cpu|cuda] [--rtol X] FILE...: reads reference cases and says how far we are off, one line an output:
 * FILE  OUTPUT  max-abs-error  relative-error  ok|FAIL. Exit status 1 when any fails; 5 without the device. On cuda
 * activations are float32, so that the cases' tolerances hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cuda.h"
#include "tests/oracle/oracle.h"

static const struct kind {
    const char *name;
    oracle_check *check;
} kinds[] = {
    {"temporal_attention", oracle_temporal_attention},
    {"pairformer", oracle_pairformer},
    {"msa_module", oracle_msa_module},
    {"template_module", oracle_template_module},
    {"trunk", oracle_trunk},
    {"input_embedder", oracle_input_embedder},
    {"diffusion_conditioning", oracle_conditioning},
    {"denoise", oracle_denoise},
    {"sampler", oracle_sampler},
    {"boltz2_sample", oracle_boltz2_sample},
    {"losses", oracle_losses},
    {"train_step", oracle_train_step},
    {"biokinema_trunk", oracle_biokinema_trunk},
    {"biokinema_denoise", oracle_biokinema_denoise},
    {"biokinema_sample", oracle_biokinema_sample},
    {"biokinema_losses", oracle_biokinema_losses},
    {"features", oracle_of_input},
    {"template_features", oracle_of_input},
};

/* Features that no model here reads: marks of what is resolved and of distograms are for training losses; the embedder
 * of the published weights has neither chirality nor backbone columns. */
static const char *const unread[] = {"out/atom_resolved_mask", "out/token_resolved_mask", "out/token_disto_mask",
                                     "out/atom_backbone_feat", "out/ref_chirality"};

static bool is_unread(const char *name)
{
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
        if (strcmp(name, unread[i]) == 0) return true;
    return false;
}

/* A case is passed when everything that it holds was compared. */
static void check_seen(oracle_case *o)
{
    static const char *const kept[] = {"out/", "grad/", "after/"};
    for (int i = 0; i < km_safetensors_count(o->file); i++) {
        const char *name = km_safetensors_at(o->file, i)->name;
        bool result = false;
        for (size_t k = 0; k < sizeof kept / sizeof *kept; k++) result |= strncmp(name, kept[k], strlen(kept[k])) == 0;
        if (!result || o->seen[i] || is_unread(name)) continue;
        printf("%s  %s  not compared  FAIL\n", o->path, name);
        o->failed++;
    }
}

static double meta_number(const km_safetensors *f, const char *key, double otherwise)
{
    const char *text = km_safetensors_meta(f, key);
    return text ? strtod(text, NULL) : otherwise;
}

static int report(const char *path, const char *why)
{
    printf("%s  -  %s  FAIL\n", path, why);
    return 1;
}

static int run_case(const char *path, const km_backend *be, double rtol)
{
    oracle_case o = {.path = path};
    if (km_safetensors_open(path, &o.file, &o.err) < 0) return report(path, o.err.msg);
    const char *name = km_safetensors_meta(o.file, "km_case");
    const struct kind *kind = NULL;
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0) kind = &kinds[i];
    o.config_text = km_safetensors_meta(o.file, "config");
    o.config = json_loads(o.config_text ? o.config_text : "{}", 0, NULL);
    if (!kind || !o.config) {
        char why[128];
        snprintf(why, sizeof why, kind ? "the configuration is not JSON" : "unknown kind of case '%s'",
                 name ? name : "");
        o.failed = report(path, why);
    } else {
        o.rtol = rtol > 0 ? rtol : meta_number(o.file, "rtol", 1e-4);
        o.grad_rtol = rtol > 0 ? rtol : meta_number(o.file, "grad_rtol", 1e-3);
        o.grad_floor = oracle_number(&o, "grad_floor", 1e-6);
        o.cx = km_ctx_new_on(be, 2);
        o.seen = KM_NEWN(bool, (size_t)km_safetensors_count(o.file));
        kind->check(&o);
        check_seen(&o);
        free(o.seen);
        km_ctx_free(o.cx);
    }
    json_decref(o.config);
    km_safetensors_close(o.file);
    return o.failed != 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: oracle [--device cpu|cuda] [--rtol X] FILE...\n");
    return 2;
}

static void device_failed(const char *why)
{
    fprintf(stderr, "oracle: --device cuda: %s\n", why);
    exit(5);
}

static const km_backend *cuda(void)
{
    char why[512];
    const km_backend *be = km_cuda_load(0, device_failed, why, sizeof why);
    if (!be) device_failed(why);
    return be->plain;
}

int main(int argc, char **argv)
{
    double rtol = 0;
    const km_backend *be = km_backend_cpu(NULL);
    int i = 1, failed = 0;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (i + 1 >= argc) return usage();
        char *end = NULL;
        if (strcmp(argv[i], "--rtol") == 0)
            rtol = strtod(argv[i + 1], &end);
        else if (strcmp(argv[i], "--device") != 0)
            return usage();
        else if (strcmp(argv[i + 1], "cuda") == 0)
            be = cuda();
        else if (strcmp(argv[i + 1], "cpu") != 0)
            return usage();
        if (end && (*end || !(rtol > 0))) return usage();
    }
    if (i == argc) return usage();
    for (; i < argc; i++) failed |= run_case(argv[i], be, rtol);
    if (fflush(stdout) != 0) return 4;
    return failed;
}
