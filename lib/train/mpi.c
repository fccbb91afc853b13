/* SPDX-License-Identifier: MIT
 * libkm-mpi.so: what lib/train/ranks.h wants of MPI. The only file that knows it. Messages are begun and tested, never
 * waited for, so that a signal is seen while other ranks are awaited. */
#include <mpi.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/train/ranks.h"

enum { MOST = 4096, PART = 1 << 28 }; /* messages under way; bytes of one */

static MPI_Request under_way[MOST];
static int n_under_way;

static bool init(int *rank, int *size)
{
    int level;
    /* Open MPI: reading another process's memory ends this one at once when the other has died */
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    return MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) == MPI_SUCCESS &&
           MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) == MPI_SUCCESS &&
           MPI_Comm_rank(MPI_COMM_WORLD, rank) == MPI_SUCCESS && MPI_Comm_size(MPI_COMM_WORLD, size) == MPI_SUCCESS;
}

static bool begin_sum_double(double *x, int n)
{
    return n_under_way < MOST && MPI_Iallreduce(MPI_IN_PLACE, x, n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD,
                                                &under_way[n_under_way++]) == MPI_SUCCESS;
}

static bool begin_sum_float(float *x, size_t n)
{
    const size_t most = PART / sizeof *x;
    for (size_t at = 0; at < n; at += most) {
        int count = (int)(n - at < most ? n - at : most);
        if (n_under_way == MOST || MPI_Iallreduce(MPI_IN_PLACE, x + at, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD,
                                                  &under_way[n_under_way++]) != MPI_SUCCESS)
            return false;
    }
    return true;
}

static bool begin_share(void *bytes, size_t n, int root)
{
    for (size_t at = 0; at < n; at += PART) {
        int count = (int)(n - at < PART ? n - at : PART);
        if (n_under_way == MOST ||
            MPI_Ibcast((char *)bytes + at, count, MPI_BYTE, root, MPI_COMM_WORLD, &under_way[n_under_way++]) !=
                MPI_SUCCESS)
            return false;
    }
    return true;
}

static bool test(bool *done)
{
    int all = 0;
    if (MPI_Testall(n_under_way, under_way, &all, MPI_STATUSES_IGNORE) != MPI_SUCCESS) return false;
    if (all) n_under_way = 0;
    *done = all;
    return true;
}

static void leave(void) { MPI_Finalize(); }
static void end(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

const km_mpi *km_mpi_table(void)
{
    static const km_mpi table = {init, begin_sum_double, begin_sum_float, begin_share, test, leave, end};
    return &table;
}
