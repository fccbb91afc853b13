/* SPDX-License-Identifier: MIT */
#include "lib/traj/sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

typedef struct fixture {
    km_structure *start;
    float *x; /* [F, A, 3] */
    int64_t F;
} fixture;

static km_soundness mean_of(const fixture *t, double scale)
{
    int32_t n = t->start->system->n_atoms * 3;
    km_sound *c = km_sound_new(t->start->system);
    km_soundness *frames = KM_NEWN(km_soundness, (size_t)t->F);
    float *x = KM_NEWN(float, (size_t)n);
    for (int64_t f = 0; f < t->F; f++) {
        for (int i = 0; i < n; i++) x[i] = (float)(t->x[f * n + i] * scale);
        km_sound_frame(c, x, &frames[f]);
    }
    km_soundness mean = km_sound_mean(frames, t->F);
    km_sound_free(c);
    free(frames), free(x);
    return mean;
}

static void check(const char *scale, const char *what, double got)
{
    char key[64];
    snprintf(key, sizeof key, "sound.%s.%s", scale, what);
    second_check(key, got, 1e-6 * fmax(1, got));
}

static void test_second(const fixture *t)
{
    static const char *const scales[] = {"1.0007", "0.75", "1.15", "0.2"};
    for (int i = 0; i < 4; i++) {
        km_soundness s = mean_of(t, atof(scales[i]));
        check(scales[i], "clash_rate", s.clash_rate), check(scales[i], "val_clash", s.val_clash);
        check(scales[i], "frame_clash", s.frame_clash), check(scales[i], "break_rate", s.break_rate);
        check(scales[i], "val_break", s.val_break), check(scales[i], "val_ca", s.val_ca);
        check(scales[i], "pep_break", s.pep_break), check(scales[i], "bioemu_ca", s.bioemu_ca);
        check(scales[i], "bioemu_cn", s.bioemu_cn), check(scales[i], "bioemu_clash", s.bioemu_clash);
        check(scales[i], "bioemu", s.bioemu), check(scales[i], "clash_score", s.clash_score);
        ok(s.val_ca == s.val_ca_chain && s.bioemu == s.bioemu_chain, "one chain is the whole");
    }
    km_soundness s = mean_of(t, 1), wide = mean_of(t, 1.1);
    second_check("sound.twist_share", s.twist_share, 1e-9);
    second_check("sound.cis_share", s.cis_share, 1e-9);
    ok(s.bond_mad > 0.01 && s.bond_mad < 0.05 && s.angle_mad > 1 && s.angle_mad < 5,
       "dynamics are near the dictionary");
    ok(wide.bond_mad > 0.1 && fabs(wide.angle_mad - s.angle_mad) < 1e-3, "larger molecules have longer bonds");
    ok(s.d_share == 0, "all are L");
    ok(s.bond_far < 0.05 && wide.bond_far > 0.9 && fabs(wide.angle_far - s.angle_far) < 1e-3,
       "bonds far from the dictionary: %.3f, %.3f", s.bond_far, wide.bond_far);
    double helix = second_opinion("dssp.model.helix"), strand = second_opinion("dssp.model.strand");
    ok(fabs(s.helix_share - helix) < 1e-9 && fabs(s.strand_share - strand) < 1e-9 &&
           fabs(s.ss_share - helix - strand) < 1e-9,
       "secondary structure as mdtraj has it");
}

/* The molecule split after its tenth residue into two chains far apart, or into numbers with a gap. */
static void test_segments(void)
{
    km_structure *s = second_start();
    km_system *sys = s->system;
    km_soundness whole, cut;
    int32_t at = sys->residues[10].first_atom;
    for (int32_t i = 3 * at; i < 3 * sys->n_atoms; i++) s->coords[i] += 30;
    km_sound *c = km_sound_new(sys);
    km_sound_frame(c, s->coords, &whole);
    km_sound_free(c);
    for (int32_t r = 10; r < sys->n_residues; r++) sys->residues[r].number += 5;
    c = km_sound_new(sys);
    km_sound_frame(c, s->coords, &cut);
    km_sound_free(c);
    ok(!whole.val_break && !whole.bioemu && whole.bond_mad > 0.2, "a chain torn apart is broken");
    ok(cut.val_break && cut.bioemu && cut.bond_mad < 0.05, "where numbers have a gap nothing is asked");
    km_structure_free(s);
}

static void test_chains(void)
{
    km_structure *s = second_start();
    km_system *sys = s->system;
    km_soundness r;
    sys->chains = km_realloc(sys->chains, 2 * sizeof *sys->chains);
    sys->chains[1] = sys->chains[0];
    sys->chains[0].n_residues = sys->chains[1].first_residue = 10, sys->chains[1].n_residues = 10, sys->n_chains = 2;
    for (int32_t k = 10; k < sys->n_residues; k++) sys->residues[k].chain = 1;
    int32_t torn = sys->residues[15].first_atom;
    for (int32_t i = 3 * sys->residues[10].first_atom; i < 3 * sys->n_atoms; i++) s->coords[i] += 30;
    for (int32_t i = 3 * torn; i < 3 * sys->n_atoms; i++) s->coords[i] += 30;
    km_sound *c = km_sound_new(sys);
    km_sound_frame(c, s->coords, &r);
    km_sound_free(c);
    ok(!r.val_ca && r.val_ca_chain == 0.5 && !r.bioemu && r.bioemu_chain == 0.5, "one of two chains is broken");
    for (int32_t i = 0; i < 3 * sys->n_atoms; i++) s->coords[i] = -s->coords[i];
    c = km_sound_new(sys);
    km_sound_frame(c, s->coords, &r);
    km_sound_free(c);
    ok(r.d_share == 1, "a mirror image is D");
    km_structure_free(s);
}

int main(void)
{
    fixture t = {second_start(), NULL, 0};
    t.x = second_frames("model", &t.F);
    test_second(&t);
    test_segments();
    test_chains();
    km_structure_free(t.start);
    free(t.x);
    return tap_end();
}
