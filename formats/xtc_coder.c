/* SPDX-License-Identifier: MIT
 * The packed coordinates of XTC: integers on a grid; an atom as an offset from the frame's minimum, the atoms behind it
 * that are near each other as small differences, three numbers at a time as one number in a mixed radix. Format:
 * GROMACS reference manual, "xtc"; F. van Hoesel's xdr3dfcoord. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "formats/traj_impl.h"

/* About 2^(i/3), from 8 on: three numbers below RADIX[i] fit in i bits. The irregular entries are the format's. */
static const int32_t RADIX[] = {
    0,       0,       0,       0,       0,       0,       0,       0,       0,        8,        10,      12,
    16,      20,      25,      32,      40,      50,      64,      80,      101,      128,      161,     203,
    256,     322,     406,     512,     645,     812,     1024,    1290,    1625,     2048,     2580,    3250,
    4096,    5060,    6501,    8192,    10321,   13003,   16384,   20642,   26007,    32768,    41285,   52015,
    65536,   82570,   104031,  131072,  165140,  208063,  262144,  330280,  416127,   524287,   660561,  832255,
    1048576, 1321122, 1664510, 2097152, 2642245, 3329021, 4194304, 5284491, 6658042,  8388607,  10568983, 13316085,
    16777216};
enum { FIRST = 9, LAST = sizeof RADIX / sizeof *RADIX - 1, WIDEST = 0xffffff, MAX_RUN = 8 };

/* A triple of numbers below size[0..2] as one number of `bits` bits: bytes in little-endian order, most significant bit
 * of each byte first, the last byte cut to what is left. */
typedef struct triple {
    int bits;
    int whole, rest;         /* bits = whole + rest, whole a multiple of 8 */
    uint32_t size[3];
    uint64_t inverse[3];     /* floor((2^64 - 1) / size) */
} triple;

static triple triple_of(int bits, uint32_t a, uint32_t b, uint32_t c)
{
    triple t = {bits, bits / 8 * 8, bits % 8, {a, b, c}, {0}};
    for (int k = 0; k < 3; k++) t.inverse[k] = UINT64_MAX / t.size[k];
    return t;
}

static int bit_length(unsigned __int128 x)
{
    int n = 0;
    for (; x; x >>= 1) n++;
    return n;
}

/* How a frame writes the atoms that start a run: as a triple, or where the range is too wide as three numbers of own
 * width. */
typedef struct layout {
    bool separate;
    int width[3];
    triple whole;
} layout;

static layout layout_of(const km_xtc_block *b)
{
    layout l = {0};
    uint32_t size[3];
    for (int k = 0; k < 3; k++) {
        size[k] = (uint32_t)b->max[k] - (uint32_t)b->min[k] + 1;
        l.width[k] = bit_length(size[k]);
        l.separate |= size[k] > WIDEST;
    }
    unsigned __int128 product = (unsigned __int128)size[0] * size[1] * size[2];
    if (!l.separate) l.whole = triple_of(bit_length(product), size[0], size[1], size[2]);
    return l;
}

typedef struct bit_reader {
    const uint8_t *data;
    size_t at; /* in bits */
} bit_reader;

/* The next bits at the top of a word; at least 57 of them are good. */
static inline uint64_t peek(const bit_reader *r)
{
    uint64_t w;
    memcpy(&w, r->data + (r->at >> 3), 8);
    return __builtin_bswap64(w) << (r->at & 7);
}

static inline uint32_t get_bits(bit_reader *r, int n)
{
    uint64_t w = peek(r);
    r->at += (size_t)n;
    return n ? (uint32_t)(w >> (64 - n)) : 0;
}

static inline uint64_t divide(uint64_t x, uint32_t d, uint64_t inverse, uint32_t *ret_rest)
{
    uint64_t q = (uint64_t)(((unsigned __int128)x * inverse) >> 64), rest = x - q * d;
    if (rest >= d) q++, rest -= d; /* the estimate is at most one too low */
    *ret_rest = (uint32_t)rest;
    return q;
}

/* More than 57 bits: byte by byte. */
static __attribute__((noinline)) void get_wide_triple(bit_reader *r, const triple *t, uint32_t out[3])
{
    unsigned __int128 x = 0;
    for (int i = 0; i < t->whole; i += 8) x |= (unsigned __int128)get_bits(r, 8) << i;
    x |= (unsigned __int128)get_bits(r, t->rest) << t->whole;
    out[2] = (uint32_t)(x % t->size[2]);
    x /= t->size[2];
    out[1] = (uint32_t)(x % t->size[1]);
    out[0] = (uint32_t)(x / t->size[1]);
}

static inline void get_triple(bit_reader *r, const triple *t, uint32_t out[3])
{
    if (t->bits > 57) {
        get_wide_triple(r, t, out);
        return;
    }
    uint64_t w = peek(r), low = __builtin_bswap64(w) & (((uint64_t)1 << t->whole) - 1);
    uint64_t top = (w << t->whole) >> 1 >> (63 - t->rest);
    uint64_t x = low | top << t->whole;
    r->at += (size_t)t->bits;
    x = divide(x, t->size[2], t->inverse[2], &out[2]);
    out[0] = (uint32_t)divide(x, t->size[1], t->inverse[1], &out[1]);
}

static inline void emit(float *restrict out, const uint32_t p[3], float step)
{
    for (int k = 0; k < 3; k++) out[k] = (float)(int32_t)p[k] * step * 10.0f;
}

/* The differences behind an atom. The first of them was written in the atom's place and the atom in its. */
static inline void unpack_run(bit_reader *r, const triple *t, uint32_t half, int n, uint32_t at[3], float step,
                              float *coords)
{
    uint32_t first[3] = {at[0], at[1], at[2]};
    for (int i = 0; i < n; i++) {
        uint32_t d[3];
        get_triple(r, t, d);
        for (int k = 0; k < 3; k++) at[k] += d[k] - half;
        if (i == 0) {
            emit(coords, at, step);
            emit(coords + 3, first, step);
        } else {
            emit(coords + 3 * (i + 1), at, step);
        }
    }
}

const char *km_xtc_unpack(const km_xtc_block *b, const uint8_t *data, size_t bytes, int32_t n_atoms, float *coords)
{
    if (!(b->precision > 0) || !isfinite(b->precision)) return "its precision is not a positive number";
    if (b->small < FIRST || b->small > LAST) return "the size of its small numbers is out of range";
    for (int k = 0; k < 3; k++) {
        if (b->max[k] < b->min[k] || (int64_t)b->max[k] - b->min[k] >= UINT32_MAX)
            return "its range of coordinates is impossible";
    }
    layout l = layout_of(b);
    const float step = (float)(1.0 / b->precision);
    int small = b->small, run = 0;
    triple t = triple_of(small, (uint32_t)RADIX[small], (uint32_t)RADIX[small], (uint32_t)RADIX[small]);
    bit_reader r = {data, 0};
    for (int32_t i = 0; i < n_atoms;) {
        uint32_t at[3];
        if (l.separate) {
            for (int k = 0; k < 3; k++) at[k] = get_bits(&r, l.width[k]);
        } else {
            get_triple(&r, &l.whole, at);
        }
        for (int k = 0; k < 3; k++) at[k] += (uint32_t)b->min[k];
        int change = 0;
        if (get_bits(&r, 1)) {
            run = (int)get_bits(&r, 5);
            change = run % 3 - 1;
            run /= 3;
        }
        if (run >= n_atoms - i) return "it holds more atoms than it says";
        if (run == 0) emit(coords + 3 * (size_t)i, at, step);
        else unpack_run(&r, &t, (uint32_t)RADIX[small] / 2, run, at, step, coords + 3 * (size_t)i);
        i += run + 1;
        if (r.at > 8 * bytes) return "its packed coordinates end early";
        if (change == 0) continue;
        small += change;
        if (small < FIRST || small > LAST) return "the size of its small numbers runs out of range";
        t = triple_of(small, (uint32_t)RADIX[small], (uint32_t)RADIX[small], (uint32_t)RADIX[small]);
    }
    return NULL;
}

typedef struct bit_writer {
    uint8_t *data;
    size_t n;
    uint32_t pending; /* bits not yet in data, in the low `held` bits */
    int held;
} bit_writer;

static void put_bits(bit_writer *w, int n, uint32_t x)
{
    while (n > 0) {
        int take = n < 8 ? n : 8;
        w->pending = w->pending << take | ((x >> (n - take)) & ((1u << take) - 1));
        w->held += take;
        n -= take;
        if (w->held >= 8) {
            w->held -= 8;
            w->data[w->n++] = (uint8_t)(w->pending >> w->held);
        }
    }
}

static void put_triple(bit_writer *w, const triple *t, const uint32_t p[3])
{
    unsigned __int128 x = ((unsigned __int128)p[0] * t->size[1] + p[1]) * t->size[2] + p[2];
    for (int i = 0; i < t->whole; i += 8) put_bits(w, 8, (uint32_t)(x >> i) & 0xff);
    put_bits(w, t->rest, (uint32_t)(x >> t->whole));
}

static bool within(const int32_t *a, const int32_t *b, int64_t limit)
{
    for (int k = 0; k < 3; k++) {
        if (llabs((int64_t)a[k] - b[k]) >= limit) return false;
    }
    return true;
}

/* Round to the grid; range and the least distance between neighbours along the list. */
static const char *to_grid(km_xtc_block *b, const float *coords, int32_t n, int32_t *ints, int64_t *ret_least)
{
    *ret_least = INT_MAX;
    for (int k = 0; k < 3; k++) b->min[k] = INT_MAX, b->max[k] = INT_MIN;
    for (int64_t i = 0; i < n; i++) {
        int64_t distance = 0;
        for (int k = 0; k < 3; k++) {
            const float nm = (float)(coords[3 * i + k] / 10.0);
            const float scaled = nm * b->precision;
            const float x = (float)(scaled + (nm >= 0 ? 0.5 : -0.5));
            if (!(fabsf(x) <= (float)(INT_MAX - 2)) || x >= 0x1p31f)
                return "a coordinate is too large for this precision";
            int32_t g = (int32_t)x;
            ints[3 * i + k] = g;
            if (g < b->min[k]) b->min[k] = g;
            if (g > b->max[k]) b->max[k] = g;
            if (i > 0) distance += llabs((int64_t)ints[3 * i - 3 + k] - g);
        }
        if (i > 0 && distance < *ret_least) *ret_least = distance;
    }
    for (int k = 0; k < 3; k++) {
        if ((float)b->max[k] - (float)b->min[k] >= (float)(INT_MAX - 2))
            return "coordinates spread too far for this precision";
    }
    return NULL;
}

/* Collect the atoms behind the one at p that are near each other: differences plus half into d, their number back.
 * Where none of them needs the size, *shrink stays; where one does it is cleared. */
static int collect_run(const int32_t *p, int32_t left, uint32_t half, uint32_t smaller, uint32_t d[][3], bool *shrink)
{
    int run = 0;
    do {
        const int32_t *q = p + 3;
        uint32_t square = 0; /* wraps as GROMACS' int does: for very sparse atoms the bytes depend on it */
        for (int k = 0; k < 3; k++) {
            uint32_t x = (uint32_t)q[k] - (uint32_t)p[k];
            square += x * x;
            d[run][k] = x + half;
        }
        if ((int32_t)square >= (int32_t)(smaller * smaller)) *shrink = false;
        run++, left--;
        p = q;
    } while (run < MAX_RUN && left > 0 && within(p, p + 3, half));
    return run;
}

size_t km_xtc_pack_bound(int32_t n_atoms) { return (size_t)n_atoms * 14 + 16; }

const char *km_xtc_pack(km_xtc_block *b, const float *coords, int32_t n_atoms, int32_t *ints, uint8_t *data,
                        size_t *ret_bytes)
{
    int64_t least;
    const char *why = to_grid(b, coords, n_atoms, ints, &least);
    if (why) return why;
    layout l = layout_of(b);
    int small = FIRST;
    while (small < LAST && RADIX[small] < least) small++;
    b->small = small;
    const int top = small + 8 < LAST ? small + 8 : LAST, bottom = top - 8;
    const int64_t larger = RADIX[top] / 2;
    bit_writer w = {data, 0, 0, 0};
    int previous_run = -1;
    for (int32_t i = 0; i < n_atoms;) {
        int32_t *p = ints + 3 * (size_t)i;
        const uint32_t half = (uint32_t)RADIX[small] / 2,
                       smaller = (uint32_t)RADIX[small > FIRST ? small - 1 : FIRST] / 2;
        const bool grow = small < top && i > 0 && within(p, p - 3, larger);
        bool shrink = !grow && small > bottom;
        uint32_t at[3], d[MAX_RUN][3];
        int run = 0;
        if (i + 1 < n_atoms && within(p, p + 3, half)) {
            /* the second atom goes first: an oxygen lies between its hydrogens */
            for (int k = 0; k < 3; k++) {
                int32_t x = p[k];
                p[k] = p[k + 3], p[k + 3] = x;
            }
            run = collect_run(p, n_atoms - i - 1, half, smaller, d, &shrink);
        } else {
            shrink = false;
        }
        for (int k = 0; k < 3; k++) at[k] = (uint32_t)p[k] - (uint32_t)b->min[k];
        if (l.separate) {
            for (int k = 0; k < 3; k++) put_bits(&w, l.width[k], at[k]);
        } else {
            put_triple(&w, &l.whole, at);
        }
        const int change = grow ? 1 : shrink ? -1 : 0;
        if (run != previous_run || change) put_bits(&w, 6, 32u | (uint32_t)(3 * run + change + 1));
        else put_bits(&w, 1, 0);
        previous_run = run;
        triple t = triple_of(small, (uint32_t)RADIX[small], (uint32_t)RADIX[small], (uint32_t)RADIX[small]);
        for (int k = 0; k < run; k++) put_triple(&w, &t, d[k]);
        small += change;
        i += run + 1;
    }
    if (w.held) put_bits(&w, 8 - w.held, 0);
    *ret_bytes = w.n;
    return NULL;
}
