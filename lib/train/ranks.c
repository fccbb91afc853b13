/* SPDX-License-Identifier: MIT */
#include "lib/train/ranks.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/plugin.h"

struct km_ranks {
    const km_mpi *mpi;
    int rank, size;
};

/* Has a launcher of several processes started this one? */
static bool launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MV2_COMM_WORLD_SIZE"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) return true;
    const char *tasks = getenv("SLURM_NTASKS");
    return tasks && atoi(tasks) > 1 && getenv("SLURM_PROCID");
}

km_status km_ranks_join(km_ranks **ret, km_err *err)
{
    *ret = NULL;
    if (!launched()) return KM_OK;
    void *library = km_plugin_open("libkm-mpi.so", true);
    const km_mpi *(*table)(void);
    *(void **)&table = library ? dlsym(library, "km_mpi_table") : NULL;
    if (!table)
        return km_fail(err, KM_SYSTEM, "started with other processes, but libkm-mpi.so is not there: %.200s",
                       dlerror());
    km_ranks *r = KM_NEW(km_ranks);
    r->mpi = table();
    if (!r->mpi->init(&r->rank, &r->size)) {
        free(r);
        return km_fail(err, KM_SYSTEM, "MPI does not start");
    }
    *ret = r;
    return KM_OK;
}

enum { PATIENCE = 120 }; /* seconds */

void km_ranks_leave(km_ranks *r, km_status status)
{
    if (!r) return;
    for (int left = PATIENCE; status == KM_INTERRUPTED && r->rank > 0 && left > 0;) left = (int)sleep((unsigned)left);
    if (status < 0) r->mpi->end(-status);
    else r->mpi->leave();
    free(r);
}

/* What the first rank says to the others. */
typedef struct invitation {
    bool good;
    char name[KM_GROUP];
} invitation;

km_status km_ranks_join_devices(km_ranks *r, const km_device *opt_d, km_err *err)
{
    char why[400] = "the first rank has no group for the devices";
    invitation i = {0};
    if (!r || !opt_d) return KM_OK;
    if (r->rank == 0) i.good = opt_d->group(i.name, why, sizeof why);
    KM_TRY(km_ranks_share(r, &i, sizeof i, 0, err));
    if (i.good && opt_d->join(i.name, r->rank, r->size, why, sizeof why)) return KM_OK;
    return km_fail(err, KM_DEVICE, "--device cuda with %d ranks: %s", r->size, why);
}

int km_ranks_rank(const km_ranks *r) { return r ? r->rank : 0; }
int km_ranks_size(const km_ranks *r) { return r ? r->size : 1; }

static km_status failed(km_err *err) { return km_fail(err, KM_SYSTEM, "MPI: a message between ranks failed"); }

km_status km_ranks_finish(km_ranks *r, km_err *err)
{
    bool done = !r;
    for (long polls = 0; !done; polls++) {
        if (!r->mpi->test(&done)) return failed(err);
        if (!done && km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted between ranks");
        if (!done && polls > 1000) nanosleep(&(struct timespec){0, 50000}, NULL);
    }
    return KM_OK;
}

km_status km_ranks_sum(km_ranks *r, double *x, int n, km_err *err)
{
    if (!r) return KM_OK;
    return r->mpi->begin_sum_double(x, n) ? km_ranks_finish(r, err) : failed(err);
}

km_status km_ranks_begin(km_ranks *r, float *x, size_t n, km_err *err)
{
    return !r || r->mpi->begin_sum_float(x, n) ? KM_OK : failed(err);
}

void km_ranks_progress(km_ranks *r)
{
    bool done;
    if (r && !r->mpi->test(&done)) return; /* km_ranks_finish will say it */
}

km_status km_ranks_share(km_ranks *r, void *bytes, size_t n, int root, km_err *err)
{
    if (!r) return KM_OK;
    return r->mpi->begin_share(bytes, n, root) ? km_ranks_finish(r, err) : failed(err);
}
