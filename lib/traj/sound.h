/* SPDX-License-Identifier: MIT
 * Is a frame a sound protein? The published sets of thresholds, and the residue dictionary's geometry. A chain is
 * broken into segments where its residue numbers have a gap; nothing is asked across segments.
 *
 * Sources: Str2Str, ConfDiff, ProteinBench (bytedance/ConfDiff); FrameDiff; microsoft/bioemu; the rest is ours.
 * Tests: tests/unit/test_sound.c */
#ifndef LIB_TRAJ_SOUND_H
#define LIB_TRAJ_SOUND_H

#include "lib/base/system.h"

/* Of one frame, where shares of frames are 0 or 1; or the mean of many. NaN where there is nothing of the kind. */
typedef struct km_soundness {
    double clash_rate;                         /* pairs of CA nearer than 3.0 A, of all pairs */
    double val_clash;                          /* share of frames with none */
    double frame_clash;                        /* share of frames without a pair nearer than 1.5 A (FrameDiff) */
    double break_rate;                         /* consecutive CA further than 4.2 A, of all consecutive ones */
    double val_break;                          /* share of frames with none */
    double val_ca;                             /* with neither clash nor break */
    double val_ca_chain;                       /* the same of the chains alone: share of chains of frames */
    double pep_break;                          /* consecutive C-N further than 1.4 A, of all */
    double bioemu_ca, bioemu_cn, bioemu_clash; /* frames: every CA-CA below 4.5 A; every C-N below 2.0 A; no two atoms
                                                  of residues more than 2 apart within 1.0 A */
    double bioemu;                             /* all three */
    double bioemu_chain;                       /* the same of the chains alone */
    double bond_mad, angle_mad; /* mean absolute deviation from the dictionary within residues and of peptide bonds:
                                   angstrom, degrees */
    double bond_far, angle_far; /* share of them further than four standard deviations (0.08 A, 8 degrees) off */
    double clash_score; /* atoms more than 3 bonds apart nearer than their radii - 0.4 A: pairs per 1,000 atoms */
    double d_share;     /* of CA centres that are D */
    double side_share;  /* of the side chains' chiral centres (CB of isoleucine and threonine) of the wrong hand */
    double cis_share;   /* of peptide bonds not before proline with |omega| < 90 degrees */
    double twist_share; /* of all peptide bonds with omega more than 30 degrees from 180 and 0 */
    double helix_share, strand_share, ss_share; /* residues by DSSP: helix, strand, either */
} km_soundness;

typedef struct km_sound km_sound;
/* What is asked of a system of standard amino acids (others are asked about CA, C and N alone); some atoms may be
 * missing. */
km_sound *km_sound_new(const km_system *s);
void km_sound_free(km_sound *c);
/* Of a frame x [A, 3]. Thread-safe. */
void km_sound_frame(const km_sound *c, const float *x, km_soundness *ret);
/* The mean of n frames, NaN left out. */
km_soundness km_sound_mean(const km_soundness *frames, int64_t n);

#endif
