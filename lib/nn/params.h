/* SPDX-License-Identifier: MIT
 * The parameter store: named tensors in one order, from a mapped safetensors file or made anew for training.
 *
 * A module asks for its parameters by name and shape while it is built; what is asked for and absent, of another shape,
 * or present and never asked for is an error that names it. Parameters are constants in inference (mapped, matrices
 * packed once); in training they lie in one writable block, and gradients in a block of the same layout
 * (km_ctx.param_grad).
 * Tests: tests/unit/test_params.c */
#ifndef LIB_NN_PARAMS_H
#define LIB_NN_PARAMS_H

#include "formats/safetensors.h"
#include "lib/base/err.h"
#include "lib/tensor/tensor.h"

typedef struct km_params km_params;

/* How a parameter starts when the store makes it (Boltz-2's and the seed design's initialisations). */
typedef enum km_init {
    KM_INIT_ZERO,    /* gates, final projections */
    KM_INIT_ONE,     /* norm weights */
    KM_INIT_LECUN,   /* truncated normal, variance 1 / fan in */
    KM_INIT_HE,      /* the same with 2 / fan in */
    KM_INIT_DEFAULT, /* uniform +- 1 / sqrt(fan in), as PyTorch's Linear; a bias X.bias takes the fan of X.weight, asked
                        for before it */
    KM_INIT_NORMAL,  /* standard normal */
    KM_INIT_LOG_LAMBDA,   /* geometric series over the store's lambda range */
    KM_INIT_BIAS_MINUS_2, /* -2: output gates start nearly shut */
} km_init;

/* From an open file, whose tensors are used in place when they are F32 (else converted once). The file must outlive the
 * store. */
km_params *km_params_from_file(const km_safetensors *file);
/* The same where the file has PREFIX before every name (reference cases: "param/"). */
km_params *km_params_from_prefix(const km_safetensors *file, const char *prefix);
/* An empty store that makes every parameter asked for, from the seed; log lambda between log lo and log hi (per ns). */
km_params *km_params_make(uint64_t seed, double lambda_lo, double lambda_hi);
void km_params_free(km_params *p);
/* Make parameters too, as a store of km_params_make does, where the file lacks them and their names fit one of the
 * patterns (as of km_params_train). */
void km_params_make_missing(km_params *p, const char *patterns, uint64_t seed, double lambda_lo, double lambda_hi);
/* PyTorch's modules hold one linear layer twice, as X.output_projection_linear and X.output_projection.0: the other
 * name for a name, or NULL. Either is found in a file. The caller frees it. */
char *km_params_alias(const char *name);

/* The parameter NAME of this shape (last dimension 0: none). A missing one is noted, and km_params_check tells; the
 * returned tensor is then a placeholder. Ask only while modules are being built. */
km_tensor *km_params_get(km_params *p, km_init init, const char *name, int nd, const km_dim *shape);
#define KM_PARAM(p, init, name, ...) km_params_get((p), (init), (name), KM_SHAPE(__VA_ARGS__))
/* May this name be asked for? (optional modules: are its parameters in the file). A store that makes parameters says
 * yes. */
bool km_params_has(const km_params *p, const char *name);
/* Parameters that are never trained: those asked for so far whose names begin so (fourier_embed.proj). */
void km_params_freeze(km_params *p, const char *prefix);
/* Is matrix w, a store's, read by products alone? On a device it then lies once, packed in bfloat16, and km_params_pack
 * leaves its data NULL. */
void km_params_products_only(const km_tensor *w, bool only);
/* Weights of other names: what messages call a parameter is what this gives for ours (allocated, or NULL). */
void km_params_named(km_params *p, char *(*original)(const void *names, const char *ours), const void *names);
/* All modules have asked: KM_OK, or KM_INPUT naming the first missing or misshapen parameter and saying how many more
 * there are, or (strict) the first one of the modules' prefixes that nobody asked for. */
km_status km_params_check(km_params *p, const char *const *opt_strict_prefixes, km_err *err) KM_MUST_USE;

/* Ready for inference: pack every matrix for this backend, and copy all to its device if it has one (values are then
 * read by kernels only). Ready for training: move all into one writable block,
 * wants_grad set on what is trained: names that match one of the patterns (separated by blanks, `*` any run of
 * characters) and are not frozen. */
void km_params_pack(km_params *p, const km_backend *be);
size_t km_params_packed_bytes(const km_params *p);
void km_params_train(km_params *p, const char *patterns);
/* In training on a device: the block's numbers as they are now are copied there, and rounded there where activations
 * are bfloat16, and kernels read them, until km_params_from. On the processor both do nothing. */
void km_params_to(km_params *p, const km_backend *be);
void km_params_from(km_params *p);
/* The block on the device, which is about to be changed there and is then what counts, until km_params_fetch has copied
 * it back; whoever reads or writes the block or tensors of a store in training calls that first. */
float *km_params_there(km_params *p, const km_backend *be);
void km_params_fetch(km_params *p);

int km_params_count(const km_params *p);
const char *km_params_name(const km_params *p, int i); /* in the order asked for */
km_tensor *km_params_at(const km_params *p, int i);
bool km_params_trained(const km_params *p, int i);
/* The training block and its length in floats (both 0 before km_params_train). Parameter i lies at its param_offset. */
float *km_params_block(const km_params *p);
km_dim km_params_size(const km_params *p);

/* SHA-256 in hex over names, shapes and offsets: do two stores have the same layout? */
void km_params_layout(const km_params *p, char out[65]);
/* SHA-256 in hex over names, shapes and elements (as f32, little-endian) of all parameters whose name begins with one
 * of the NULL-ended prefixes (NULL: all), sorted by name, and the text `with`. */
void km_params_digest(const km_params *p, const char *const *opt_prefixes, const char *with, char out[65]);

#endif
