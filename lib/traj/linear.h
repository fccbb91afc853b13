/* SPDX-License-Identifier: MIT
 * Covariances and eigenvectors, in double; LAPACK does the decompositions. Matrices are row-major.
 * Tests: tests/unit/test_linear.c */
#ifndef LIB_TRAJ_LINEAR_H
#define LIB_TRAJ_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

/* out [n, m] += a^T b of a [rows, n] and b [rows, m]; where a is b, the upper triangle alone. */
void km_gram(double *out, const double *a, const double *b, int64_t rows, int n, int m, int threads);

/* First and second moments of rows that arrive in pieces. */
typedef struct km_moments {
    int n;
    int64_t rows;
    double *sum;     /* [n] */
    double *product; /* [n, n] upper triangle: sum of x x^T */
} km_moments;
km_moments km_moments_of(int n);
void km_moments_add(km_moments *m, const double *x, int64_t rows, int threads); /* x [rows, n], not far from zero */
/* The covariance (divided by the rows), whole, cov [n, n]; mean [n] where asked for. */
void km_moments_covariance(const km_moments *m, double *cov, double *opt_mean);
void km_moments_clear(km_moments *m);

/* The k largest eigenvalues, descending, and their unit vectors [k, n] of a symmetric matrix a [n, n] (upper triangle
 * read, destroyed); k at most n. Every number is finite. */
void km_eigen_largest(double *a, int n, int k, double *values, double *opt_vectors);
/* Whitening of a covariance c [n, n]: w [kept, n] with w c w^T = 1, eigenvalues below floor times the largest left
 * out. Returns how many were kept. c is destroyed; w has room for [n, n]. */
int km_whiten(double *c, int n, double floor, double *w);
/* Eigenvalues (real and imaginary part, by falling modulus) of any real matrix a [n, n], destroyed. */
void km_eigenvalues(double *a, int n, double *re, double *im);
/* x of a x = b, a [n, n] and b [n], both destroyed; the solution is in b. False where a is singular. */
bool km_solve(double *a, double *b, int n);

#endif
