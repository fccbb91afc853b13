/* SPDX-License-Identifier: MIT */
#include "lib/train/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/train/buckets.h"
#include "lib/train/slow.h"

typedef struct shard {
    km_ctx *cx;
    km_tape *tape;
    float *grad;
    float *there; /* the gradient on a device */
    km_step_sums sums;
    km_status status; /* of the latest run */
    km_err err;
} shard;

struct km_stepper {
    km_model *model;
    const km_train_config *config;
    km_trunk_store *opt_trunks;
    km_ranks *opt_ranks;
    km_buckets *buckets; /* with ranks */
    km_loss_config losses;
    bool trunk_trained;
    int threads, n_shards;
    shard *shards;
};

/* Is any parameter of the trunk (anything but the diffusion module's) trained? */
static bool trains_trunk(const km_params *p)
{
    for (int i = 0; i < km_params_count(p); i++) {
        const char *name = km_params_name(p, i);
        bool diffusion = !strncmp(name, "score_model.", 12) || !strncmp(name, "diffusion_conditioning.", 23);
        if (!diffusion && km_params_trained(p, i)) return true;
    }
    return false;
}

km_stepper *km_stepper_new(km_model *m, const km_train_config *c, km_trunk_store *opt_trunks, km_ranks *opt_ranks,
                           int threads)
{
    km_stepper *s = KM_NEW(km_stepper);
    *s = (km_stepper){
        .model = m, .config = c, .opt_trunks = opt_trunks, .threads = threads, .n_shards = c->shards,
        .trunk_trained = trains_trunk(m->params), .opt_ranks = opt_ranks};
    if (opt_ranks) s->buckets = km_buckets_new(m->params, opt_ranks);
    s->losses = (km_loss_config){
        .sigma_data = m->config.sigma_data, .alpha_bond = c->alpha_bond, .alpha_lddt = c->alpha_lddt,
        .biokinema = c->biokinema, .alpha_ligand_bond = c->alpha_ligand_bond,
        .beta_flex = c->beta_flex, .beta_abs = c->beta_abs, .beta_rel_g = c->beta_rel_g, .beta_rel_l = c->beta_rel_l,
        .beta_center = c->beta_center, .ensemble = c->ensemble, .velocity = c->velocity,
        .autocorrelation = c->autocorrelation, .lags = c->autocorrelation_lags, .tica = c->tica,
        .tica_parts = {(float)c->tica_path, (float)c->tica_shares, (float)c->tica_memory}, .unbinding = c->unbinding,
        .flex_seed = c->flex_seed,
        .mol_weights = {c->weight_protein, c->weight_dna, c->weight_rna, c->weight_ligand}};
    s->shards = KM_NEWN(shard, (size_t)s->n_shards);
    for (int i = 0; i < s->n_shards; i++) {
        s->shards[i].cx = km_model_ctx(m, 1);
        s->shards[i].tape = km_tape_new();
        if (!s->shards[i].cx->be->device) s->shards[i].grad = KM_NEWN(float, (size_t)km_params_size(m->params));
    }
    return s;
}

bool km_stepper_trains_trunk(const km_stepper *s) { return s->trunk_trained; }

void km_stepper_free(km_stepper *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_shards; i++) {
        if (s->shards[i].there) s->model->opt_be->device->put(s->shards[i].there);
        km_ctx_free(s->shards[i].cx);
        km_tape_free(s->shards[i].tape);
        free(s->shards[i].grad);
    }
    km_buckets_free(s->buckets);
    free(s->shards);
    free(s);
}

size_t km_stepper_peak(const km_stepper *s)
{
    size_t bytes = s->opt_trunks ? km_trunk_store_peak(s->opt_trunks) : 0;
    for (int i = 0; i < s->n_shards; i++)
        bytes += km_arena_peak(s->shards[i].cx->arena) + (size_t)km_params_size(s->model->params) * sizeof(float);
    return bytes;
}

/* The distinct levels of a group's frames: level[f] into sigma[L]; condition frames share level 0, and are told to have
 * this noise. */
static km_dim find_levels(const km_group *g, double given, int32_t *level, float *sigma)
{
    km_dim L = 1;
    sigma[0] = (float)given;
    for (int f = 0; f < g->B * g->T; f++) {
        km_dim l = g->sigma[f] > 0;
        while (l > 0 && l < L && sigma[l] != g->sigma[f]) l++;
        if (l == L) sigma[L++] = g->sigma[f];
        level[f] = (int32_t)l;
    }
    return L;
}

static void add_values(km_step_sums *sums, const km_loss_values *v)
{
    sums->total += v->total, sums->structure += v->structure, sums->bond += v->bond, sums->lddt += v->lddt;
    sums->flex += v->flex, sums->center += v->center, sums->velocity += v->velocity;
    sums->autocorrelation += v->autocorrelation, sums->tica += v->tica, sums->windows++;
}

static km_trunk_out show_trunk(km_ctx *cx, const km_trunk_result *r)
{
    return (km_trunk_out){km_cast(cx, KM_TENSOR_OF(cx, r->s_inputs, r->n_tokens, r->inputs_s)),
                          km_cast(cx, KM_TENSOR_OF(cx, r->s, r->n_tokens, r->token_s)),
                          km_cast(cx, KM_TENSOR_OF(cx, r->z, r->n_tokens, r->n_tokens, r->token_z))};
}

/* The same of the tokens of a cut alone. */
static km_trunk_out gather_trunk(km_ctx *cx, const km_trunk_result *r, const int32_t *tokens, km_dim N)
{
    size_t in = (size_t)r->inputs_s, S = (size_t)r->token_s, Z = (size_t)r->token_z, n = (size_t)N;
    float *s_inputs = km_arena_get(cx->arena, n * in * sizeof *s_inputs);
    float *s = km_arena_get(cx->arena, n * S * sizeof *s), *z = km_arena_get(cx->arena, n * n * Z * sizeof *z);
    for (size_t i = 0; i < n; i++) {
        size_t from = (size_t)tokens[i];
        memcpy(s_inputs + i * in, r->s_inputs + from * in, in * sizeof(float));
        memcpy(s + i * S, r->s + from * S, S * sizeof(float));
        for (size_t j = 0; j < n; j++)
            memcpy(z + (i * n + j) * Z, r->z + (from * (size_t)r->n_tokens + (size_t)tokens[j]) * Z, Z * sizeof(float));
    }
    return (km_trunk_out){km_cast(cx, KM_TENSOR_OF(cx, s_inputs, N, r->inputs_s)),
                          km_cast(cx, KM_TENSOR_OF(cx, s, N, r->token_s)),
                          km_cast(cx, KM_TENSOR_OF(cx, z, N, N, r->token_z))};
}

static km_trunk_out stored_trunk(km_ctx *cx, const km_trunk_result *r, const km_group *g)
{
    return g->opt_tokens ? gather_trunk(cx, r, g->opt_tokens, g->system->features->N) : show_trunk(cx, r);
}

static km_trunk_out run_trunk(const km_stepper *s, km_ctx *cx, const km_features *f)
{
    int recycles = s->config->trunk_recycles >= 0 ? s->config->trunk_recycles : s->model->config.recycles;
    km_tape *tape = cx->tape;
    if (!s->trunk_trained) cx->tape = NULL;
    km_trunk_out t = km_trunk_run(cx, s->model->trunk, f, recycles);
    cx->tape = tape;
    return t;
}

km_trunk_out km_stepper_trunk(const km_stepper *s, km_ctx *cx, const km_group *g, const km_trunk_result *opt_stored)
{
    if (opt_stored) return stored_trunk(cx, opt_stored, g);
    return run_trunk(s, cx, g->opt_drawn ? g->opt_drawn : g->system->features);
}

/* What the loss of slow motions needs of window b. */
static void add_slow(km_ctx *cx, const km_group *g, int b, km_loss_inputs *in)
{
    km_markov *m = km_arena_get(cx->arena, sizeof *m);
    int64_t spacing = llround((double)(g->times[b * g->T + 1] - g->times[b * g->T]) * 1e6);
    *m = km_slow_window(cx->arena, g->system->opt_slow, in->x_gt, g->T, (int)in->A, spacing, &in->opt_population);
    in->opt_markov = m;
}

/* The loss of a group's windows, added to the sums; on the tape when it is on. opt_stored: the trunk's result. */
static km_tensor *group_loss(const km_stepper *s, shard *h, const km_group *g, const km_trunk_result *opt_stored)
{
    km_ctx *cx = h->cx;
    const km_train_system *y = g->system;
    km_dim A = y->features->A, frames = g->B * g->T;
    int32_t *level = km_arena_get(cx->arena, (size_t)frames * sizeof *level);
    float *sigma = km_arena_get(cx->arena, (size_t)(frames + 1) * sizeof *sigma);
    float *told = km_arena_get(cx->arena, (size_t)frames * sizeof *told);
    const bool all = s->losses.biokinema; /* bonds of no known length and given frames count too */
    km_dim L = find_levels(g, s->model->config.family->given, level, sigma);
    for (km_dim f = 0; f < frames; f++) told[f] = sigma[level[f]];
    km_trunk_out trunk = km_stepper_trunk(s, cx, g, opt_stored);
    km_conditioning *k = km_diffusion_condition(cx, s->model->diffusion, y->features, &trunk);
    km_levels *levels = km_diffusion_levels(cx, s->model->diffusion, k, sigma, L);
    km_tensor *x = KM_TENSOR_OF(cx, g->noisy, g->B, g->T, A, 3);
    km_tensor *d = km_diffusion_denoise(cx, s->model->diffusion, k, levels, x, level, sigma, g->times);
    km_tensor *total = NULL;
    for (int b = 0; b < g->B; b++) {
        km_loss_inputs in = {.T = g->T, .A = A, .n_bonds = all ? y->n_all_bonds : y->n_bonds,
                             .x_gt = g->x + (km_dim)b * g->T * A * 3, .sigma = (all ? told : g->sigma) + b * g->T,
                             .atom_mask = y->atom_mask, .opt_traced = y->traced,
                             .mol_type = y->mol_type, .bonds = y->bonds, .bond_lengths = y->bond_lengths,
                             .residue = all ? y->features->atom_token : y->residue,
                             .n_ligand_bonds = y->n_ligand_bonds, .ligand_bonds = y->ligand_bonds};
        if (y->opt_slow) add_slow(cx, g, b, &in);
        km_loss_values v;
        km_tensor *window = KM_RESHAPE(cx, km_slice(cx, d, b, 1), g->T, A, 3);
        km_tensor *loss = km_losses_compute(cx, &s->losses, &in, window, false, &v);
        add_values(&h->sums, &v);
        total = total ? km_add(cx, total, loss) : loss;
    }
    return total;
}

void km_step_sums_add(km_step_sums *to, const km_step_sums *v)
{
    to->total += v->total, to->structure += v->structure, to->bond += v->bond, to->lddt += v->lddt;
    to->flex += v->flex, to->center += v->center, to->velocity += v->velocity;
    to->autocorrelation += v->autocorrelation, to->tica += v->tica, to->windows += v->windows;
}

/* The groups of a call, and what is wanted of them. */
typedef struct job {
    const km_group *groups;
    int n;
    bool backward;
    double windows; /* of all ranks */
} job;

/* Do gradients leave for the other ranks while backward runs? Not from a device, nor before shards are added up. */
static bool sends_early(const km_stepper *s)
{
    return s->buckets && s->n_shards == 1 && !s->shards[0].cx->be->device;
}

/* Backward of the last group: gradients leave for the other ranks as they become whole. */
static km_status backprop_and_send(const km_stepper *s, shard *h, km_tensor *total, const job *j)
{
    KM_TRY(km_buckets_begin(s->buckets, h->tape, h->grad, &h->err));
    km_backprop(h->cx, total, (float)(1 / j->windows));
    return KM_OK;
}

static void note_worst(km_step_sums *sums, double loss, int group)
{
    double size = isfinite(loss) ? loss : INFINITY;
    if (sums->worst >= 0 && !(size > sums->worst_loss)) return;
    sums->worst = group, sums->worst_loss = size;
}

static km_status run_group(const km_stepper *s, shard *h, const job *j, int group)
{
    const km_group *g = &j->groups[group];
    const km_trunk_result *stored = NULL;
    bool send = j->backward && sends_early(s) && group == j->n - 1;
    if (s->opt_trunks) KM_TRY(km_trunk_store_take(s->opt_trunks, g->whole, &stored, &h->err));
    km_status status = KM_OK;
    km_tape_watch(h->tape, send ? km_buckets_after : NULL, s->buckets);
    km_tensor *total = group_loss(s, h, g, stored);
    note_worst(&h->sums, km_read(h->cx, total)[0] / g->B, group);
    if (send) status = backprop_and_send(s, h, total, j);
    else if (j->backward) km_backprop(h->cx, total, (float)(1 / j->windows));
    km_tape_clear(h->tape);
    km_arena_reset(h->cx->arena);
    if (stored) km_trunk_store_release(s->opt_trunks, g->whole);
    return status;
}

static void run_shard(const km_stepper *s, int i, const job *j)
{
    shard *h = &s->shards[i];
    h->sums = (km_step_sums){.worst = -1};
    h->status = KM_OK;
    h->cx->tape = j->backward ? h->tape : NULL;
    const km_device *device = h->cx->be->device;
    size_t bytes = (size_t)km_params_size(s->model->params) * sizeof(float);
    if (device && !h->there) h->there = device->get(bytes);
    h->cx->param_grad = !j->backward ? NULL : device ? h->there : h->grad;
    if (j->backward && device) device->zero(h->there, bytes);
    else if (j->backward) memset(h->grad, 0, bytes);
    for (int g = i; g < j->n && h->status == KM_OK; g += s->n_shards) h->status = run_group(s, h, j, g);
}

static const km_tensor float32 = {.half = false};

static void add_sums(km_step_sums *to, const km_step_sums *v)
{
    km_step_sums_add(to, v);
    if (v->worst >= 0) note_worst(to, v->worst_loss, v->worst);
}

/* The gradient of this rank's groups becomes that of all ranks'. */
static km_status add_gradients(km_stepper *s, float *grad, km_err *err)
{
    const km_device *device = s->shards[0].cx->be->device;
    if (device) return device->sum(grad, km_params_size(s->model->params)), KM_OK;
    if (!sends_early(s)) KM_TRY(km_buckets_begin(s->buckets, NULL, grad, err));
    return km_buckets_end(s->buckets, err);
}

/* And the sums too. */
static km_status add_ranks(km_stepper *s, float *grad, km_step_sums *t, km_err *err)
{
    KM_TRY(add_gradients(s, grad, err));
    double x[] = {t->total,  t->structure, t->bond,            t->lddt, t->flex,
                  t->center, t->velocity,  t->autocorrelation, t->tica, t->windows};
    KM_TRY(km_ranks_sum(s->opt_ranks, x, 10, err));
    t->total = x[0], t->structure = x[1], t->bond = x[2], t->lddt = x[3], t->flex = x[4], t->center = x[5];
    t->velocity = x[6], t->autocorrelation = x[7], t->tica = x[8], t->windows = (int)x[9];
    return KM_OK;
}

km_status km_stepper_run(km_stepper *s, const km_group *groups, int n, const float **opt_ret_grad, km_step_sums *ret,
                         km_err *err)
{
    job j = {groups, n, opt_ret_grad != NULL, 0};
    for (int g = 0; g < n; g++) j.windows += groups[g].B;
    if (j.backward) j.windows *= km_ranks_size(s->opt_ranks);
    const km_backend *be = s->shards[0].cx->be;
    int threads = be->device ? 1 : s->threads;
    km_params_to(s->model->params, be);
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int i = 0; i < s->n_shards; i++) run_shard(s, i, &j);
    km_params_from(s->model->params);
    for (int i = 0; i < s->n_shards; i++)
        if (s->shards[i].status < 0) return *err = s->shards[i].err, s->shards[i].status;
    *ret = (km_step_sums){.worst = -1};
    float *sum = be->device ? s->shards[0].there : s->shards[0].grad;
    for (int i = 0; i < s->n_shards; i++) {
        const float *part = be->device ? s->shards[i].there : s->shards[i].grad;
        add_sums(ret, &s->shards[i].sums);
        if (i > 0 && j.backward)
            km_be(s->shards[0].cx, &float32)->axpby_fwd(&s->shards[0].cx->ex, sum, sum, 1, part, 1,
                                                       km_params_size(s->model->params));
    }
    if (!opt_ret_grad) return KM_OK;
    *opt_ret_grad = sum;
    return s->opt_ranks ? add_ranks(s, sum, ret, err) : KM_OK;
}

/* -- memory */

/* What a group of this system takes, as long and as large as it can be drawn. */
static double system_bytes(const km_stepper *s, const km_train_system *y)
{
    const km_train_config *c = s->config;
    km_train_system *cut = NULL;
    int32_t *atoms, *tokens = NULL;
    float *x = KM_NEWN(float, (size_t)y->features->A * 3);
    if (c->crop_tokens && y->residues > c->crop_tokens)
        cut = km_train_crop(y, c->crop_tokens, true, c->bond_all, x, 0, 0, &atoms, &tokens);
    const km_train_system *used = cut ? cut : y;
    int T = km_group_longest(c, y->residues), frames = T * c->windows;
    size_t n = (size_t)frames * (size_t)used->features->A * 3;
    km_group g = {.system = used, .whole = y, .B = c->windows, .T = T, .sigma = KM_NEWN(float, (size_t)frames),
                  .times = KM_NEWN(float, (size_t)frames), .x = KM_NEWN(float, n)};
    g.noisy = g.x;
    for (int i = 0; i < frames; i++) g.sigma[i] = 1 + (float)i;
    shard h = {.cx = km_ctx_rehearsal(s->model->opt_be), .tape = km_tape_new(), .grad = s->shards[0].grad};
    const km_device *device = h.cx->be->device;
    h.cx->tape = h.tape, h.cx->param_grad = device ? device->get(sizeof(float)) : h.grad; /* there an address alone */
    km_dim N = used->features->N;
    const km_config *m = &s->model->config;
    km_trunk_result none = {.n_tokens = (int32_t)N, .inputs_s = m->inputs_s, .token_s = m->token_s,
                            .token_z = m->token_z};
    km_tensor *total = group_loss(s, &h, &g, s->opt_trunks ? &none : NULL);
    km_backprop(h.cx, total, 1);
    const km_features *f = used->features;
    double rows = f->draws > 1 ? 5.0 * (double)(f->draws * f->S * f->N) : 0; /* of a sample's own (opt_drawn) */
    double samples = device ? 0 : (2.0 * (double)n + rows) * sizeof(float) * c->batch * (c->read_ahead + 1);
    double bytes = (double)km_ctx_peak(h.cx) + samples / s->n_shards;
    km_tape_free(h.tape), km_ctx_free(h.cx);
    free(g.x), free(g.sigma), free(g.times), free(x);
    if (cut) km_train_system_clear(cut), free(cut), free(atoms), free(tokens);
    return bytes;
}

double km_stepper_footprint(const km_stepper *s, const km_dataset *d, const km_train_system **opt_largest)
{
    const km_train_system *largest = NULL;
    const km_backend *be = s->model->opt_be;
    int copies = be && be->device && s->config->ema <= 0 ? 3 : 4; /* of the parameters: themselves, Adam's, theirs */
    double each = sizeof(float) * (copies + s->n_shards) + (be && be->half ? sizeof(uint16_t) : 0);
    double most = -1, fixed = (double)km_params_size(s->model->params) * each;
    for (int i = 0; i < d->n_train; i++) {
        const km_train_system *y = &d->systems[d->train[i]];
        double size = (double)y->features->A * km_group_longest(s->config, y->residues);
        if (size > most) most = size, largest = y;
    }
    if (opt_largest) *opt_largest = largest;
    return fixed + s->n_shards * system_bytes(s, largest);
}
