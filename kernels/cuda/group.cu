/* SPDX-License-Identifier: MIT
 * NCCL, opened when it is wanted: KM_NCCL, else the loader's places, else Python's nvidia packages. What is used of it
 * is declared here, as NCCL's own nccl.h (version 2) has it, so that it need not be there to build. */
#include "kernels/cuda/group.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/python.h"

#define NAME "libnccl.so.2"

typedef struct unique_id {
    char bytes[KM_GROUP];
} unique_id;

enum { SUCCESS = 0, FLOAT32 = 7, SUM = 0 };

static struct {
    int (*get_unique_id)(unique_id *id);
    int (*init_rank)(void **group, int size, unique_id id, int rank);
    int (*all_reduce)(const void *from, void *to, size_t n, int type, int how, void *group, void *stream);
    const char *(*error)(int result);
} nccl;
static void *group;

static bool take(void *lib, const char *name, void *place, char *msg, size_t room)
{
    void *f = dlsym(lib, name);
    memcpy(place, &f, sizeof f);
    if (!f) snprintf(msg, room, "%s has no function %s", NAME, name);
    return f != nullptr;
}

extern "C" bool km_nccl_open(char *msg, size_t room)
{
    const char *given = getenv("KM_NCCL");
    bool named = given && *given;
    if (nccl.error) return true;
    void *lib = dlopen(named ? given : NAME, RTLD_NOW);
    if (!lib && !named) lib = km_open_python(NAME);
    if (!lib) {
        if (named) snprintf(msg, room, "KM_NCCL: %.150s cannot be opened", given);
        else
            snprintf(msg, room,
                     "%s not found, which adds up what several GPUs have learnt: looked in LD_LIBRARY_PATH, ldconfig "
                     "and Python's nvidia packages; KM_NCCL=PATH names it",
                     NAME);
        return false;
    }
    return take(lib, "ncclGetUniqueId", &nccl.get_unique_id, msg, room) &&
           take(lib, "ncclCommInitRank", &nccl.init_rank, msg, room) &&
           take(lib, "ncclAllReduce", &nccl.all_reduce, msg, room) &&
           take(lib, "ncclGetErrorString", &nccl.error, msg, room);
}

static bool good(int result, const char *what, char *msg, size_t room)
{
    if (result != SUCCESS) snprintf(msg, room, "NCCL: %s: %.200s", what, nccl.error(result));
    return result == SUCCESS;
}

bool km_cuda_group(char name[KM_GROUP], char *msg, size_t room)
{
    unique_id id;
    if (!km_nccl_open(msg, room) || !good(nccl.get_unique_id(&id), "a group", msg, room)) return false;
    memcpy(name, id.bytes, KM_GROUP);
    return true;
}

bool km_cuda_join(const char name[KM_GROUP], int rank, int size, char *msg, size_t room)
{
    unique_id id;
    memcpy(id.bytes, name, KM_GROUP);
    return km_nccl_open(msg, room) && good(nccl.init_rank(&group, size, id, rank), "joining", msg, room);
}

void km_cuda_sum(float *x, km_dim n)
{
    char msg[256];
    if (km_cuda_rehearses()) return;
    if (!good(nccl.all_reduce(x, x, (size_t)n, FLOAT32, SUM, group, km_cuda_stream()), "a sum", msg, sizeof msg))
        km_cuda_check(-1, msg);
}
