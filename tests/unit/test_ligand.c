/* SPDX-License-Identifier: MIT */
#include "lib/traj/ligand.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/traj/unbinding.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

/* The last residue of the peptide as a ligand of the others, as in tests/data/eval/make_complex.py. */
static km_complex complex_;
static km_symmetry symmetry;
static int32_t ligand[16], protein[200], residue[200], bonds[8][2];
static float fit[200];

static void set_complex(const km_structure *s)
{
    const km_system *system = s->system;
    static const char *const pairs[][2] = {{"N", "CA"},  {"CA", "C"},  {"C", "O"},
                                           {"C", "OXT"}, {"CA", "CB"}, {"CB", "OG"}};
    complex_ = (km_complex){.n_atoms = system->n_atoms,
                            .ligand = ligand,
                            .protein = protein,
                            .residue = residue,
                            .n_residues = 20,
                            .bonds = (const int32_t(*)[2])bonds,
                            .start = s->coords};
    for (int32_t a = 0; a < system->n_atoms; a++) {
        const char *name = system->atoms[a].name;
        residue[a] = system->atoms[a].residue;
        if (residue[a] == 19) ligand[complex_.n_ligand++] = a;
        else protein[complex_.n_protein++] = a;
        fit[a] =
            residue[a] < 19 && (!strcmp(name, "N") || !strcmp(name, "CA") || !strcmp(name, "C") || !strcmp(name, "O"));
    }
    for (int32_t i = 0; i < complex_.n_ligand; i++)
        for (int32_t j = 0; j < complex_.n_ligand; j++)
            for (int p = 0; p < 6; p++)
                if (!strcmp(system->atoms[ligand[i]].name, pairs[p][0]) &&
                    !strcmp(system->atoms[ligand[j]].name, pairs[p][1])) {
                    bonds[complex_.n_bonds][0] = i, bonds[complex_.n_bonds++][1] = j;
                }
    uint8_t elements[16];
    for (int32_t i = 0; i < complex_.n_ligand; i++) elements[i] = system->atoms[ligand[i]].element;
    symmetry = km_symmetry_of(elements, complex_.n_ligand, complex_.bonds, complex_.n_bonds);
    complex_.symmetry = &symmetry;
}

/* Every each-th ligand of superposed frames. */
static float *ligands_of(const float *x, int64_t F, int64_t each, int64_t *ret)
{
    float *out = KM_NEWN(float, (size_t)F *(size_t)complex_.n_ligand * 3);
    *ret = 0;
    for (int64_t f = 0; f < F; f += each, ++*ret)
        for (int32_t i = 0; i < complex_.n_ligand; i++)
            memcpy(out + (*ret * complex_.n_ligand + i) * 3, x + (f * complex_.n_atoms + ligand[i]) * 3,
                   3 * sizeof *out);
    return out;
}

static double share_below(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] < 2;
    return sum / (double)n;
}

static void check_ways(const float *md, int64_t n_md, const float *model, int64_t n_model)
{
    int64_t F, G;
    float *a = ligands_of(md, n_md, 5, &F), *b = ligands_of(model, n_model, 5, &G);
    double *near = KM_NEWN(double, (size_t)G), *reached = KM_NEWN(double, (size_t)F), p[150], q[150];
    km_frames_nearest(b, G, a, F, complex_.symmetry, 2, near);
    km_frames_nearest(a, F, b, G, complex_.symmetry, 1, reached);
    second_check("unbinding.precision", share_below(near, G), 1e-9);
    second_check("unbinding.recall", share_below(reached, F), 1e-9);
    km_path_of(a, F, complex_.n_ligand, p), km_path_of(b, G, complex_.n_ligand, q);
    second_check("unbinding.frechet", km_path_frechet(p, q), 1e-3);
    second_check("unbinding.path_rmsd", km_path_rmsd(p, q), 1e-3);
    km_path_of(a, 1, complex_.n_ligand, p), km_path_of(a, 1, complex_.n_ligand, q);
    ok(km_path_frechet(p, q) == 0 && p[0] == p[147] && isfinite(p[1]), "a path of one frame");
    free(a), free(b), free(near), free(reached);
}

static void check_scores(const km_ligand_scores *s)
{
    const struct {
        const char *key;
        double value;
    } all[] = {{"ims", s->ims},
               {"ims_touched", s->ims_touched},
               {"ims_residue", s->ims_residue},
               {"rmsf_r", s->rmsf_r},
               {"protein_rmsf_r", s->protein_rmsf_r},
               {"rmsf", s->rmsf},
               {"md_rmsf", s->md_rmsf},
               {"rmsf_best_r", s->rmsf_best_r},
               {"rmsf_best", s->rmsf_best},
               {"md_rmsf_best", s->md_rmsf_best},
               {"rmsd", s->rmsd},
               {"bond_mae", s->bond_mae},
               {"angle_mae", s->angle_mae},
               {"out", s->out}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char key[40];
        snprintf(key, sizeof key, "ligand.%s", all[i].key);
        second_check(key, all[i].value, 1e-4);
    }
}

int main(void)
{
    int64_t n[2];
    float *x[2] = {second_frames("md", &n[0]), second_frames("model", &n[1])};
    km_structure *s = second_start();
    set_complex(s);
    ok(complex_.n_bonds == second_opinion("ligand.bonds"), "bonds of the ligand");
    ok(symmetry.n == second_opinion("ligand.symmetries"), "ways to exchange its atoms");
    km_ligand sides[2] = {km_ligand_of(&complex_), km_ligand_of(&complex_)};
    for (int k = 0; k < 2; k++) {
        for (int64_t f = 0; f < n[k]; f++) {
            double rot[9], from[3], to[3];
            float *frame = x[k] + f * complex_.n_atoms * 3;
            km_superpose(frame, s->coords, fit, complex_.n_atoms, rot, from, to);
            km_superpose_apply(frame, complex_.n_atoms, rot, from, to, frame);
        }
        km_ligand_add(&sides[k], x[k], n[k]);
    }
    km_ligand_scores scores;
    km_ligand_compare(&sides[0], &sides[1], &scores);
    check_scores(&scores);
    ok(scores.clash == 0 && sides[0].n_far == 8 && sides[0].n_angles == 7,
       "7 atoms, 6 bonds, 7 angles: %d pairs further", sides[0].n_far);
    check_ways(x[0], n[0], x[1], n[1]);

    /* far away, one atom on another two bonds further */
    for (int32_t i = 0; i < complex_.n_ligand; i++) x[0][3 * ligand[i]] += 100;
    memcpy(x[0] + 3 * (ptrdiff_t)ligand[complex_.n_ligand - 1], x[0] + 3 * (ptrdiff_t)ligand[0], 3 * sizeof(float));
    ok(km_ligand_is_out(&complex_, x[0]) && !km_ligand_is_out(&complex_, s->coords), "out and in");
    km_ligand lost = km_ligand_of(&complex_);
    km_ligand_add(&lost, x[0], 1);
    km_ligand_compare(&sides[1], &lost, &scores);
    ok(scores.out == 1 && scores.clash == 1 && isnan(scores.ims) && isnan(scores.rmsf_r), "nothing touches: no map");
    complex_.n_bonds = 0;
    km_ligand bare = km_ligand_of(&complex_);
    km_ligand_add(&bare, s->coords, 1);
    km_ligand_compare(&bare, &bare, &scores);
    ok(isnan(scores.bond_mae) && isnan(scores.angle_mae) && isnan(scores.clash) && scores.rmsd == 0, "without bonds");
    for (int k = 0; k < 2; k++) km_ligand_clear(&sides[k]), free(x[k]);
    km_ligand_clear(&lost), km_ligand_clear(&bare);
    km_structure_free(s);
    return tap_end();
}
