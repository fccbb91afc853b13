/* SPDX-License-Identifier: MIT
 * kernels/cuda/group.h without NCCL: processes of one machine add up, rank after rank, through a file that all map. */
#include "kernels/cuda/group.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "kernels/cuda/device.h"
#include "tests/emulate/emulate.h"

enum : size_t { MOST = (size_t)32 << 20 }; /* numbers of a sum */

struct table {
    std::atomic<int> come, turn; /* zeros, as the file has them */
    float x[MOST];
};

static table *shared_by_all;
static int my_rank, ranks;

static void meet()
{
    int turn = shared_by_all->turn;
    if (++shared_by_all->come == ranks) {
        shared_by_all->come = 0;
        shared_by_all->turn++;
    }
    const timespec moment = {0, 100000};
    while (shared_by_all->turn == turn) nanosleep(&moment, nullptr);
}

bool km_cuda_group(char name[KM_GROUP], char *msg, size_t room)
{
    const char *fail = getenv("KM_EMULATE_FAIL"), *tmp = getenv("TMPDIR");
    snprintf(name, KM_GROUP, "%s/km-group-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    int fd = fail && strcmp(fail, "group") == 0 ? -1 : mkstemp(name);
    bool good = fd >= 0 && ftruncate(fd, sizeof(table)) == 0;
    if (!good) snprintf(msg, room, "emulated: no group");
    if (fd >= 0) close(fd);
    return good;
}

bool km_cuda_join(const char name[KM_GROUP], int rank, int size, char *msg, size_t room)
{
    int fd = open(name, O_RDWR);
    void *p = fd < 0 ? MAP_FAILED : mmap(nullptr, sizeof(table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (p == MAP_FAILED) {
        snprintf(msg, room, "emulated: %.64s cannot be joined", name);
        return false;
    }
    shared_by_all = (table *)p, my_rank = rank, ranks = size;
    meet();
    if (rank == 0) unlink(name);
    return true;
}

void km_cuda_sum(float *x, km_dim n)
{
    if (km_cuda_rehearses()) return;
    if (n > (km_dim)MOST) km_cuda_check(-1, "emulated: so long a sum");
    size_t bytes = (size_t)n * sizeof *x;
    std::vector<float> mine((size_t)n);
    emulate::copy(mine.data(), x, bytes);
    for (int r = 0; r < ranks; r++) {
        float *x_of_all = shared_by_all->x;
        for (km_dim i = 0; i < n && r == my_rank; i++) x_of_all[i] = mine[(size_t)i] + (r ? x_of_all[i] : 0);
        meet();
    }
    emulate::copy(x, shared_by_all->x, bytes);
    meet();
}
