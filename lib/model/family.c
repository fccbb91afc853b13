/* SPDX-License-Identifier: MIT */
#include "lib/model/family.h"

#include <stddef.h>
#include <string.h>

#include "lib/model/import.h"

/* Ours: padding, gap, 20 amino acids, UNK, A G C U N, DA DG DC DT DN. AlphaFold 3's: the gap comes last and there is no
 * padding, which is read as a gap. */
static const int8_t af3_class[33] = {31, 31, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                     15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
/* In the rows of its alignments and their profiles Protenix 0.2 has DA DG DC DT N DN, and its weights are used to it.
 */
static const int8_t protenix_column[33] = {31, 31, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                           15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 29, 25, 26, 27, 28, 30};

/* What the published results were made with. A frame that is given has 0.0004 A of noise, or is told to have more. */
static const char biokinema_sampling[] =
    "{\"sampler\": \"biokinema\", \"steps\": 20, \"window\": 50, \"history\": 1,"
    " \"sigma_min\": 0.0064, \"sigma_max\": 2560, \"given\": {\"noise\": 0.0004, \"sigma\": 0.0004},"
    " \"dt\": \"2ns\", \"time\": \"98ns\", \"interp_dt\": \"100ps\", \"min_dt\": \"80ps\", \"max_dt\": \"1us\","
    " \"from_scratch\": true, \"presets\": {"
    "\"atlas\": {\"dt\": \"1ns\", \"time\": \"100ns\", \"window\": 100},"
    "\"ligand\": {\"dt\": \"10ns\", \"time\": \"1us\", \"window\": 100, \"given\": {\"sigma\": 0.16}},"
    "\"long\": {\"dt\": \"10ns\", \"time\": \"1us\", \"window\": 100}}}";

static const km_family families[] = {
    {.name = "boltz2", .classes = 33, .atom_bias = true, .drawn_rows = 1024},
    {
        .name = "biokinema",
        .classes = 32,
        .opt_class = af3_class,
        .opt_column = protenix_column,
        .first_element = 1,
        .ref_mask = true,
        .protenix_tokens = true,
        .plain_deletions = true,
        .layer_bias = true,
        .inputs_beside = true,
        .pairs_of_s = true,
        .bonds_alone = true,
        .triangle_bias = true,
        .outer_first = true,
        .rows_replace = true,
        .own_positions = true,
        .narrow_single = true,
        .two_factors = true,
        .marks = true,
        .mark_below = 1e-3,
        .given = 4e-4,
        .gated_time = true,
        .time_first = true,
        .interval_decay = true,
        .most_frames = 1024,
        .drawn_rows = 2048,
        .opt_names = &km_import_protenix,
        .opt_hyper = "{\"family\": \"biokinema\", \"fix_sym_check\": true, \"recycling_steps\": 9,"
                     " \"msa_args\": {\"use_paired_feature\": false}}",
        .opt_sampling = biokinema_sampling,
    },
};

const km_family *km_family_at(int i)
{
    return i >= 0 && (size_t)i < sizeof families / sizeof *families ? &families[i] : NULL;
}

const km_family *km_family_of(const km_system *s)
{
    return s->family[0] ? km_family_find(s->family) : km_family_at(0);
}

const km_family *km_family_find(const char *name)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].name, name) == 0) return &families[i];
    return NULL;
}
