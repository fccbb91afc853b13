/* SPDX-License-Identifier: MIT
 * Periodic boxes: three vectors as the rows of box [3, 3], angstrom; zeros where there is none.
 * Tests: tests/unit/test_box.c */
#ifndef KM_BASE_BOX_H
#define KM_BASE_BOX_H

#include <stdbool.h>

/* Lengths a, b, c and cosines of alpha, beta, gamma to a box: a along x, b in the plane of x and y. */
void km_box_of_cell(const double length[3], const double cosine[3], float box[9]);
/* The same from angles in degrees; lengths of zero make no box. False for what cannot be a cell. */
bool km_box_of_degrees(const double length[3], const double angle[3], float box[9]);
/* A box in the form in which nearest images are found: vectors reduced until each is as short as lattice steps make
 * it. */
typedef struct km_lattice {
    double vectors[3][3], inverse[3][3]; /* inverse: rows such that row k . d is the coordinate along vector k */
    bool skewed;                         /* some are not at right angles */
} km_lattice;

/* False where the box has no volume. */
bool km_lattice_of(const float box[9], km_lattice *ret);
/* Move the difference d by lattice vectors to the shortest there is. */
void km_lattice_nearest(const km_lattice *l, double d[3]);

#endif
