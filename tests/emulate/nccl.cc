/* SPDX-License-Identifier: MIT
 * NCCL for the emulator, as kernels/cuda/group.cu declares it: processes of one machine add up, rank after rank,
 * through a file that all map. A sum is made in the order of its stream's work, but as early as that allows: a real one
 * goes on without the host, for which the other ranks may wait. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "tests/emulate/runtime.h"

using namespace emulate;

enum { SUCCESS = 0, SYSTEM_ERROR = 2, INVALID_ARGUMENT = 4, FLOAT32 = 7, SUM = 0 };
enum : size_t { MOST = (size_t)32 << 20 }; /* numbers of a sum */

typedef struct ncclUniqueId {
    char internal[128];
} ncclUniqueId;

struct table {
    std::atomic<int> come, turn; /* zeros, as the file has them */
    float x[MOST];
};

struct ncclComm {
    table *of_all;
    int rank, size;
};

static void meet(ncclComm *g)
{
    int turn = g->of_all->turn;
    if (++g->of_all->come == g->size) {
        g->of_all->come = 0;
        g->of_all->turn++;
    }
    const timespec moment = {0, 100000};
    while (g->of_all->turn == turn) nanosleep(&moment, nullptr);
}

extern "C" {

const char *ncclGetErrorString(int error)
{
    return error == SYSTEM_ERROR ? "emulated: no group" : "emulated: not as NCCL has it";
}

int ncclGetUniqueId(ncclUniqueId *id)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(id->internal, sizeof id->internal, "%s/km-group-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    int fd = is_to_fail("group") ? -1 : mkstemp(id->internal);
    bool good = fd >= 0 && ftruncate(fd, sizeof(table)) == 0;
    if (fd >= 0) close(fd);
    return good ? SUCCESS : SYSTEM_ERROR;
}

int ncclCommInitRank(ncclComm **group, int size, ncclUniqueId id, int rank)
{
    if (size < 1 || rank < 0 || rank >= size) return INVALID_ARGUMENT;
    int fd = open(id.internal, O_RDWR);
    void *p = fd < 0 ? MAP_FAILED : mmap(nullptr, sizeof(table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (p == MAP_FAILED) return SYSTEM_ERROR;
    *group = new ncclComm{(table *)p, rank, size};
    meet(*group);
    if (rank == 0) unlink(id.internal);
    return SUCCESS;
}

int ncclAllReduce(const void *from, void *to, size_t n, int type, int how, ncclComm *group, cudaStream_t stream)
{
    guard hold(one_at_a_time);
    if (!group || type != FLOAT32 || how != SUM || n > MOST || !is_of_device(from) || !is_of_device(to))
        return INVALID_ARGUMENT;
    cudaError_t error = give(stream, [=] {
        check_range(from, n * sizeof(float)), check_range(to, n * sizeof(float));
        const float *mine = (const float *)from;
        float *x = group->of_all->x;
        for (int r = 0; r < group->size; r++) {
            for (size_t i = 0; i < n && r == group->rank; i++) x[i] = mine[i] + (r ? x[i] : 0);
            meet(group);
        }
        memcpy(to, x, n * sizeof(float));
        meet(group);
    });
    if (!error && !stream->in) error = wait(stream, stream->given);
    return error ? SYSTEM_ERROR : SUCCESS;
}
}
