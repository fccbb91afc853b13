/* SPDX-License-Identifier: MIT
 * Of every two bytes watched: the last write, and two reads and two atomic accesses since. Two suffice: they are the
 * two furthest apart (in different blocks, else in different warps between two __syncthreads, else in different threads
 * between two __syncwarp), and whoever writes is unordered with one of them if he is with any. */
#include "tests/emulate/race.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/emulate/emulate.h"

namespace race
{

namespace
{

enum { WARP = 32, GRAIN = 2, WATCHED = 3 };

/* An access. Epochs count all blocks, and in them the times between two __syncthreads, of all launches: none is 0. */
struct seen {
    uint32_t epoch, from; /* from: the place in the library */
    uint32_t met;         /* how often the warp had */
    uint16_t thread;
    uint16_t kind;
};

struct grain {
    seen write, reads[2], atomics[2];
};

struct region {
    const char *name;
    uintptr_t first, bytes, end; /* end: of what the kernel has of it */
    bool scoped;
    grain *grains;
};

region regions[WATCHED];
int watched;
bool in_kernel, counting, telling;
int counted;
const void *kernel_now;
uint32_t epoch, kernel_first, block_first;
seen now; /* the thread's, but for where from and how */
uint32_t met[WARP];
uintptr_t library;

/* `since`: the epoch in which the memory's life began, for this block. */
bool ordered(const seen &before, uint32_t since)
{
    if (before.epoch < since) return true;
    if (before.epoch < block_first) return false;
    if (before.epoch < epoch || before.thread == now.thread) return true;
    return before.thread / WARP == now.thread / WARP && before.met != now.met;
}

/* Keeps the two that are furthest apart. */
void note(seen two[2], const seen &s, uint32_t since)
{
    seen &a = two[0], &b = two[1];
    if (a.epoch >= since && a.epoch < block_first) b = s;
    else if (a.epoch < epoch) a = s, b.epoch = 0;
    else if (a.thread / WARP != s.thread / WARP) b = s;
    else if (b.epoch == epoch && b.thread / WARP != a.thread / WARP) return;
    else if (a.met != s.met) a = s, b.epoch = 0;
    else if (a.thread != s.thread) b = s;
}

/* -- what is said of one */

std::string place_of(uint32_t from)
{
    Dl_info info;
    char command[4096], line[1024];
    std::string said;
    if (!dladdr((const void *)place_of, &info)) return "?";
    snprintf(command, sizeof command, "addr2line -Cfpise '%s' %x 2>/dev/null", info.dli_fname, from - 1);
    FILE *f = popen(command, "r");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        said += std::string("\n        ") + line;
    }
    if (f) pclose(f);
    return said;
}

void tell_access(const seen &s)
{
    static const char *const names[] = {"read", "written", "added to", "being copied to", "copied to"};
    fprintf(stderr, "    %s by thread %u", names[s.kind], s.thread);
    fprintf(stderr, "%s%s\n", s.epoch < block_first ? " of another block" : "", place_of(s.from).c_str());
}

void found(const char *what, const region &r, uintptr_t p, const seen *before, const seen &s)
{
    static std::set<std::pair<uint32_t, uint32_t>> told;
    counted++;
    if (counting || !told.insert({before ? before->from : 0, s.from}).second) return;
    const dim3 &block = emulate::here.block;
    fprintf(stderr, "emulated kernel: %s in block %u %u %u, %s memory, byte %zu\n    of%s\n", what, block.x, block.y,
            block.z, r.name, (size_t)(p - r.first), place_of((uint32_t)((uintptr_t)kernel_now - library) + 1).c_str());
    if (before) tell_access(*before);
    tell_access(s);
    if (!telling) abort();
}

void judge(const region &r, uintptr_t p, grain &g, const seen &s)
{
    if (p >= r.end) return found("an access behind the kernel's memory", r, p, nullptr, s);
    const seen *before[5] = {&g.write};
    const uint32_t since = r.scoped ? block_first : kernel_first;
    int n = 1;
    if (s.kind != READ) before[n++] = &g.reads[0], before[n++] = &g.reads[1];
    if (s.kind != ATOMIC) before[n++] = &g.atomics[0], before[n++] = &g.atomics[1];
    if (g.write.kind == COPY && g.write.epoch >= since && s.kind != ARRIVAL)
        return found("a race with a copy", r, p, &g.write, s);
    for (int i = 0; i < n; i++)
        if (!ordered(*before[i], since)) return found("a race", r, p, before[i], s);
    if (r.scoped && (s.kind == READ || s.kind == ATOMIC) && g.write.epoch < block_first)
        found("read before it is written", r, p, nullptr, s);
    if (s.kind == READ) return note(g.reads, s, since);
    if (s.kind == ATOMIC) return note(g.atomics, s, since);
    g = grain{s, {}, {}};
}

const region *region_of(uintptr_t p)
{
    if (p - (uintptr_t)&emulate::here < sizeof emulate::here) return nullptr;
    for (int i = 0; i < watched; i++)
        if (p - regions[i].first < regions[i].bytes) return &regions[i];
    return nullptr;
}

} // namespace

void watch(const char *name, const void *p, size_t bytes, bool scoped)
{
    void *grains = mmap(nullptr, bytes / GRAIN * sizeof(grain), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (grains == MAP_FAILED || watched == WATCHED) abort();
    regions[watched++] = region{name, (uintptr_t)p, bytes, (uintptr_t)p + bytes, scoped, (grain *)grains};
}

void begin_kernel(const void *kernel, const void *shared, size_t bytes)
{
    for (int i = 0; i < watched; i++)
        if (regions[i].first == (uintptr_t)shared) regions[i].end = (uintptr_t)shared + bytes;
    Dl_info info;
    if (!library && dladdr((const void *)watch, &info)) library = (uintptr_t)info.dli_fbase;
    const char *how = getenv("KM_EMULATE_RACES");
    telling = how && strcmp(how, "tell") == 0;
    kernel_now = kernel, kernel_first = epoch + 1, in_kernel = true;
}

void end_kernel() { in_kernel = false; }

void begin_block()
{
    block_met();
    block_first = epoch;
}

void block_met()
{
    if (++epoch == 0) abort();
}

void warp_met(int warp) { met[warp]++; }

void is_thread(int n) { now.thread = (uint16_t)n; }

namespace
{

seen seen_now(access how, const void *from)
{
    now.met = met[now.thread / WARP];
    return {epoch, (uint32_t)((uintptr_t)from - library), now.met, now.thread, (uint16_t)how};
}

} // namespace

void at(const void *p, size_t bytes, access how, const void *from)
{
    const uintptr_t first = (uintptr_t)p;
    const region *r = in_kernel ? region_of(first) : nullptr;
    if (!r) return;
    const seen s = seen_now(how, from);
    for (size_t g = (first - r->first) / GRAIN; g <= (first + bytes - 1 - r->first) / GRAIN; g++)
        judge(*r, r->first + g * GRAIN, r->grains[g], s);
}

void out_of_line(const void *p, const void *from)
{
    static const region own = {"some", 0, 0, 0, false, nullptr};
    const region *r = region_of((uintptr_t)p);
    if (in_kernel) found("an access out of line", r ? *r : own, (uintptr_t)p, nullptr, seen_now(READ, from));
}

void at_by_warp(const void *p, size_t bytes, access how, const void *from)
{
    at(p, bytes, how, from);
    now.thread ^= 1;
    at(p, bytes, how, from);
    now.thread ^= 1;
}

int count()
{
    int n = counted;
    counting = true, counted = 0;
    return n;
}

} // namespace race
