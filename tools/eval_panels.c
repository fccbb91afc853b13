/* SPDX-License-Identifier: MIT
 * The panels; another one is a line more. */
#include "tools/eval.h"

const km_eval_panel km_eval_panels[] = {
    {"peptide", "Peptide",
     "Jensen-Shannon distances (100 bins, 50 x 50 for phi-psi) and decorrelation gaps: 0 is best;\n"
     "# shares of frames: bonds (rms < 0.1 A), worst bond (< 0.25 A), clash-free, L, all of these",
     km_peptide_metrics, NULL, km_eval_peptide},
    {"ensemble", "Ensemble",
     "the AlphaFlow analysis of ATLAS: frames superposed on the start structure, draws of seed 137; lengths in A",
     km_ensemble_metrics, km_ensemble_over, km_eval_ensemble},
    {"trajectory", "Trajectory",
     "CA superposed on the start structure; what ConfRover and STAR-MD print, whose papers leave details open: see the "
     "page",
     km_trajectory_metrics, NULL, km_eval_trajectory},
    {"validity", "Validity",
     "shares of frames (chains of frames) within published thresholds; what the dynamics have is the bar",
     km_validity_metrics, NULL, km_eval_validity},
    {0},
};
