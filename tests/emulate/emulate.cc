/* SPDX-License-Identifier: MIT */
#include "tests/emulate/emulate.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <vector>

#include "tests/emulate/race.h"

/* Of this library: arrays in shared memory are variables of it. */
extern "C" __attribute__((visibility("hidden"))) char __bss_start[], _end[];

namespace emulate
{

place here;

namespace
{

enum { WARP = 32, STACK = 256 << 10, MAX_THREADS = 1024, MAX_SHARED = 227 << 10, EXCHANGE = 64 };

[[noreturn]] void die(const char *what)
{
    fprintf(stderr, "emulated kernel: %s (block %u %u %u, thread %u %u %u)\n", what, here.block.x, here.block.y,
            here.block.z, here.thread.x, here.thread.y, here.thread.z);
    abort();
}

/* A place where `expected` threads meet; once all have come the number of the meeting goes up. */
enum reason { BLOCK, WARP_SYNC, EXCHANGED, MMA, LOAD };
struct meeting {
    int expected, come;
    unsigned number;
    reason why;
    int line; /* where those who came did so */
    unsigned char given[2][WARP][EXCHANGE];
};

/* Entered through a context, which costs system calls for signals; left and come back to by jumps, which do not. */
struct fiber {
    jmp_buf place;
    ucontext_t context;
    void *stack;
    bool fresh;
};

struct lane {
    dim3 at;
    fiber *on; /* where it waits */
    meeting *waits_at;
    unsigned number; /* of the meeting that it waits for */
    size_t turn;     /* its place in the order */
    bool started, done;
};

jmp_buf home;
auto &idle = *new std::vector<fiber *>; /* as long as the process: none is taken for lost */
std::vector<lane> lanes;
std::vector<meeting> warps;
meeting whole;
std::vector<int> order; /* in which a block's lanes begin and go on */
int now, unstarted, left;
fiber *on;
const std::function<void()> *body;

struct late_copy {
    void *to;
    const void *opt_from;
    size_t bytes;
};
std::vector<late_copy> late[MAX_THREADS];

bool ready(const lane &l) { return l.started && !l.done && (!l.waits_at || l.waits_at->number != l.number); }

void become(int i)
{
    now = i;
    here.thread = lanes[(size_t)i].at;
    race::is_thread(i);
}

void fiber_main();

fiber *fresh_fiber()
{
    fiber *f;
    if (!idle.empty()) {
        f = idle.back();
        idle.pop_back();
        return f;
    }
    f = new fiber;
    f->stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->stack == MAP_FAILED) die("no memory for a stack");
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK;
    f->context.uc_link = nullptr;
    makecontext(&f->context, fiber_main, 0);
    f->fresh = true;
    return f;
}

/* The next lane after the present one that can go on, or -1. */
int next_ready()
{
    size_t n = lanes.size(), at = lanes[(size_t)now].turn;
    for (size_t k = 1; k <= n; k++) {
        int i = order[(at + k) % n];
        if (ready(lanes[(size_t)i])) return i;
    }
    return -1;
}

[[noreturn]] void go_to(fiber *to)
{
    on = to;
    if (!to->fresh) _longjmp(to->place, 1);
    to->fresh = false;
    setcontext(&to->context);
    die("a fiber did not start");
}

void switch_to(jmp_buf place, fiber *to)
{
    if (!_setjmp(place)) go_to(to);
}

/* Runs lanes that have not begun, one after the other; a lane that waits leaves its fiber to itself. */
void fiber_main()
{
    for (;;) {
        while (unstarted < (int)lanes.size()) {
            become(order[(size_t)unstarted++]);
            lanes[(size_t)now].started = true;
            (*body)();
            lanes[(size_t)now].done = true;
            left--;
        }
        fiber *mine = on;
        idle.push_back(mine);
        int next = next_ready();
        if (next < 0 && left > 0) die("some threads wait for others that have ended");
        if (_setjmp(mine->place)) continue; /* wanted again, for lanes that have not begun */
        if (next < 0) _longjmp(home, 1);
        become(next);
        go_to(lanes[(size_t)next].on);
    }
}

void meet(meeting *m, reason why, int line)
{
    lane &me = lanes[(size_t)now];
    if (m->come && (m->why != why || m->line != line)) die("threads of a block or warp meet at different lines");
    m->why = why, m->line = line;
    if (++m->come == m->expected) {
        m->come = 0;
        m->number++;
        if (why == BLOCK) race::block_met();
        if (why == WARP_SYNC) race::warp_met(now / WARP);
        return;
    }
    int mine = now;
    me.waits_at = m, me.number = m->number, me.on = on;
    if (unstarted < (int)lanes.size()) {
        switch_to(me.on->place, fresh_fiber());
    } else {
        int next = next_ready();
        if (next < 0) die("some threads wait for others that wait elsewhere or have ended");
        become(next);
        switch_to(me.on->place, lanes[(size_t)next].on);
    }
    become(mine);
    lanes[(size_t)mine].waits_at = nullptr;
}

meeting *warp() { return &warps[(size_t)now / WARP]; }

void run_block()
{
    size_t n = lanes.size();
    const dim3 &d = here.block_dim;
    unstarted = 0, left = (int)n, now = order[0];
    whole.expected = (int)n, whole.come = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned k = (unsigned)i;
        lanes[i] = lane{};
        lanes[i].at = dim3(k % d.x, k / d.x % d.y, k / d.x / d.y);
    }
    for (size_t i = 0; i < n; i++) lanes[(size_t)order[i]].turn = i;
    race::begin_block();
    for (size_t w = 0; w < warps.size(); w++)
        warps[w].expected = WARP, warps[w].come = 0; /* a warp that is not full cannot shuffle */
    switch_to(home, fresh_fiber());
    for (const meeting &w : warps)
        if (w.come) die("a warp's meeting was left open");
    if (whole.come) die("__syncthreads was left open");
    for (size_t i = 0; i < n; i++)
        if (!late[i].empty()) die("a late copy was not waited for");
}

/* -- device memory: one region, taken from front to back */

/* in huge pages where there are any: opening and closing memory is then 512 times less work */
enum : size_t { HUGE_PAGE = (size_t)2 << 20 };
char *base;
size_t used, reached; /* reached: whole pages that are opened and closed */
bool is_open;
std::mutex run_lock;

} // namespace

void meet_block(int line) { meet(&whole, BLOCK, line); }
void meet_warp(int line) { meet(warp(), WARP_SYNC, line); }

namespace
{

/* All 32 lanes give `bytes` bytes each; each gets a pointer to all of them, good until the second next meeting. */
const unsigned char *gather(const void *mine, size_t bytes, reason why, int line)
{
    meeting *w = warp();
    unsigned turn = w->number % 2;
    if (bytes > EXCHANGE) die("too much to exchange");
    memcpy(w->given[turn][now % WARP], mine, bytes);
    meet(w, why, line);
    return w->given[turn][0];
}

/* Number `half` of the two in a word, as float. */
float number(uint32_t word, int half) { return __uint_as_float((half ? word >> 16 : word & 0xffff) << 16); }

} // namespace

uint64_t exchange(uint64_t mine, int of, int line)
{
    uint64_t got;
    memcpy(&got, gather(&mine, sizeof mine, EXCHANGED, line) + (size_t)of * EXCHANGE, sizeof got);
    return got;
}

void mma(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
    uint32_t words[6] = {a[0], a[1], a[2], a[3], b0, b1};
    const unsigned char *all = gather(words, sizeof words, MMA, 0);
    auto word = [all](int lane, int i) {
        uint32_t w;
        memcpy(&w, all + lane * EXCHANGE + i * 4, sizeof w);
        return w;
    };
    int lane = now % WARP;
    for (int i = 0; i < 4; i++) {
        int row = lane / 4 + (i >= 2 ? 8 : 0), column = lane % 4 * 2 + i % 2;
        for (int k = 0; k < 16; k++)
            c[i] += number(word(row % 8 * 4 + k % 8 / 2, row / 8 + k / 8 * 2), k % 2) *
                    number(word(column * 4 + k % 8 / 2, 4 + k / 8), k % 2);
    }
}

unsigned ballot(bool so, int line)
{
    const unsigned char *all = gather(&so, sizeof so, EXCHANGED, line);
    unsigned bits = 0;
    for (int l = 0; l < WARP; l++) bits |= (unsigned)all[l * EXCHANGE] << l;
    return bits;
}

namespace
{

/* The rows that the warp's lanes name, kept until their meeting after the next. */
const uint16_t *row_of(const unsigned char *all, int lane)
{
    const uint16_t *at;
    memcpy(&at, all + lane * EXCHANGE, sizeof at);
    return at;
}

const unsigned char *gather_rows(const uint16_t *row, const void *from)
{
    if ((uintptr_t)row % 16) die("a row of a matrix out of line");
    race::at_by_warp(row, 16, race::READ, from);
    return gather(&row, sizeof row, LOAD, 0);
}

} // namespace

void load_straight(uint32_t r[4], const uint16_t *row)
{
    const unsigned char *all = gather_rows(row, __builtin_return_address(0));
    int lane = now % WARP;
    for (int i = 0; i < 4; i++) memcpy(&r[i], row_of(all, 8 * i + lane / 4) + lane % 4 * 2, sizeof r[i]);
}

void load_turned(uint32_t r[4], const uint16_t *row)
{
    const unsigned char *all = gather_rows(row, __builtin_return_address(0));
    int lane = now % WARP;
    for (int i = 0; i < 4; i++) {
        const uint16_t *first = row_of(all, 8 * i + lane % 4 * 2), *second = row_of(all, 8 * i + lane % 4 * 2 + 1);
        r[i] = first[lane / 4] | (uint32_t)second[lane / 4] << 16;
    }
}

void copy_late(void *to, const void *opt_from, size_t bytes)
{
    const void *from = __builtin_return_address(0);
    if ((uintptr_t)to % bytes || (uintptr_t)opt_from % bytes) die("a late copy out of line");
    race::at(opt_from, bytes, race::READ, from);
    race::at(to, bytes, race::COPY, from);
    late[now].push_back(late_copy{to, opt_from, bytes});
}

void copies_arrive()
{
    const void *from = __builtin_return_address(0);
    for (const late_copy &c : late[now]) {
        race::at(c.opt_from, c.bytes, race::READ, from);
        race::at(c.to, c.bytes, race::ARRIVAL, from);
        if (c.opt_from) memcpy(c.to, c.opt_from, c.bytes);
        else memset(c.to, 0, c.bytes);
    }
    late[now].clear();
}

float add(float *p, float v)
{
    race::at(p, sizeof *p, race::ATOMIC, __builtin_return_address(0));
    float was = *p;
    *p += v;
    return was;
}

namespace
{

/* KM_EMULATE_ORDER: `reverse`, or a number that draws an order; of a kernel's blocks, and of a block's threads. */
std::vector<int> order_of(size_t n)
{
    const char *how = getenv("KM_EMULATE_ORDER");
    std::vector<int> o(n);
    for (size_t i = 0; i < n; i++) o[i] = (int)i;
    if (how && strcmp(how, "reverse") == 0) std::reverse(o.begin(), o.end());
    else if (how) std::shuffle(o.begin(), o.end(), std::mt19937((unsigned)atoi(how)));
    return o;
}

/* The memory of blocks of which races are looked for, once. */
unsigned char *shared_memory()
{
    static std::vector<unsigned char> memory;
    if (!memory.empty()) return memory.data() + (16 - (uintptr_t)memory.data() % 16) % 16;
    memory.resize(MAX_SHARED + 16);
    race::watch("dynamic shared", shared_memory(), MAX_SHARED, true);
    race::watch("static shared", __bss_start, (size_t)(_end - __bss_start), true);
    return shared_memory();
}

} // namespace

void run(const void *kernel, dim3 grid, dim3 threads, size_t shared_bytes, const std::function<void()> &f)
{
    std::lock_guard<std::mutex> guard(run_lock);
    unsigned n = threads.x * threads.y * threads.z;
    if (n == 0 || n > MAX_THREADS) die("a block of so many threads");
    if (shared_bytes > MAX_SHARED) die("so much shared memory");
    if (!grid.x || !grid.y || !grid.z || grid.y > 65535 || grid.z > 65535) die("a grid of so many blocks");
    if (lanes.size() != n) order = order_of(n);
    lanes.resize(n);
    warps.resize((n + WARP - 1) / WARP);
    here = place{{}, {}, threads, grid, shared_memory()};
    body = &f;
    race::begin_kernel(kernel, here.shared, shared_bytes);
    for (int i : order_of((size_t)grid.x * grid.y * grid.z)) {
        unsigned b = (unsigned)i;
        here.block = dim3(b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y);
        memset(here.shared, 0xff, shared_bytes);
        run_block();
    }
    race::end_kernel();
}

void open_memory(bool open)
{
    if (open == is_open) return;
    is_open = open;
    if (reached && mprotect(base, reached, open ? PROT_READ | PROT_WRITE : PROT_NONE)) die("mprotect");
}

bool is_of_device(const void *p) { return base && (const char *)p >= base && (const char *)p < base + REGION; }

char *carve(size_t bytes)
{
    if (!base) {
        void *p = mmap(nullptr, REGION + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) die("no address space");
        base = (char *)((uintptr_t)p + (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE);
        madvise(base, REGION, MADV_HUGEPAGE);
        race::watch("device", base, REGION, false);
    }
    if (used + bytes > REGION) return nullptr;
    char *p = base + used;
    used += bytes;
    reached = (used + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    return p;
}

} // namespace emulate
