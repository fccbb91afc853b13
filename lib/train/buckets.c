/* SPDX-License-Identifier: MIT */
#include "lib/train/buckets.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { BUCKET = 1 << 20 }; /* floats, about */

typedef struct parameter {
    km_dim offset, n;
    int64_t first_use; /* of the tape at hand; -1: none, or not known when grad is whole */
    int32_t index;     /* in the order of offsets */
} parameter;

struct km_buckets {
    km_ranks *ranks;
    parameter *list; /* [count] trained ones; in order of offset until `ordered`, then as they are sent */
    int count;
    bool ordered;
    int32_t *place; /* [count] of a parameter by offset in the list */
    int *end, n_buckets, sent;
    float *packed, *grad; /* packed [sum of n] */
    km_status status;
    km_err err;
};

km_buckets *km_buckets_new(const km_params *p, km_ranks *ranks)
{
    km_buckets *b = KM_NEW(km_buckets);
    int most = km_params_count(p);
    km_dim total = 0;
    *b = (km_buckets){
        .ranks = ranks, .list = KM_NEWN(parameter, (size_t)most), .place = KM_NEWN(int32_t, (size_t)most)};
    for (int i = 0; i < most; i++) {
        const km_tensor *t = km_params_at(p, i);
        if (!km_params_trained(p, i)) continue;
        b->list[b->count++] = (parameter){t->param_offset, km_numel(t), -1, 0};
        total += km_numel(t);
    }
    b->end = KM_NEWN(int, (size_t)most + 1);
    b->packed = KM_NEWN(float, (size_t)total + 1);
    return b;
}

void km_buckets_free(km_buckets *b)
{
    if (!b) return;
    free(b->list), free(b->place), free(b->end), free(b->packed);
    free(b);
}

static int by_offset(const void *a, const void *b)
{
    const parameter *p = a, *q = b;
    return p->offset < q->offset ? -1 : p->offset > q->offset;
}

/* What is used last in forward is finished first in backward. */
static int by_last_use(const void *a, const void *b)
{
    const parameter *p = a, *q = b;
    return p->first_use > q->first_use ? -1 : p->first_use < q->first_use ? 1 : by_offset(a, b);
}

/* offsets [n] ascending */
static int find(const km_dim *offsets, int n, km_dim offset)
{
    int low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (offsets[middle] < offset) low = middle + 1;
        else high = middle;
    }
    return low < n && offsets[low] == offset ? low : -1;
}

static void note_uses(km_buckets *b, const km_tape *opt_tape)
{
    size_t n = 0;
    const km_param_use *uses = opt_tape ? km_tape_uses(opt_tape, &n) : NULL;
    km_dim *offsets = KM_NEWN(km_dim, (size_t)b->count + 1);
    for (int i = 0; i < b->count; i++) {
        b->list[i].first_use = -1;
        offsets[b->ordered ? b->list[i].index : i] = b->list[i].offset;
    }
    for (size_t u = n; u-- > 0;) {
        int i = find(offsets, b->count, uses[u].offset);
        if (i >= 0) b->list[b->ordered ? b->place[i] : i].first_use = (int64_t)uses[u].record;
    }
    free(offsets);
}

/* Rank 0's order for all, and where buckets end in it. */
static km_status set_order(km_buckets *b, km_err *err)
{
    qsort(b->list, (size_t)b->count, sizeof *b->list, by_offset);
    for (int i = 0; i < b->count; i++) b->list[i].index = i;
    qsort(b->list, (size_t)b->count, sizeof *b->list, by_last_use);
    KM_TRY(km_ranks_share(b->ranks, b->list, (size_t)b->count * sizeof *b->list, 0, err));
    km_dim in_bucket = 0;
    for (int i = 0; i < b->count; i++) {
        b->place[b->list[i].index] = i;
        in_bucket += b->list[i].n;
        if (in_bucket < BUCKET && i + 1 < b->count) continue;
        b->end[b->n_buckets++] = i + 1;
        in_bucket = 0;
    }
    b->ordered = true;
    return KM_OK;
}

km_status km_buckets_begin(km_buckets *b, const km_tape *opt_tape, float *grad, km_err *err)
{
    b->grad = grad, b->sent = 0, b->status = KM_OK;
    if (!b->ordered) {
        qsort(b->list, (size_t)b->count, sizeof *b->list, by_offset);
        note_uses(b, opt_tape);
        KM_TRY(set_order(b, err));
    }
    note_uses(b, opt_tape);
    return KM_OK;
}

static float *packed_at(const km_buckets *b, int first)
{
    float *at = b->packed;
    for (int i = 0; i < first; i++) at += b->list[i].n;
    return at;
}

static void send(km_buckets *b)
{
    int first = b->sent ? b->end[b->sent - 1] : 0, end = b->end[b->sent];
    float *begin = packed_at(b, first), *to = begin;
    for (int i = first; i < end; to += b->list[i++].n)
        memcpy(to, b->grad + b->list[i].offset, (size_t)b->list[i].n * sizeof *to);
    b->status = km_ranks_begin(b->ranks, begin, (size_t)(to - begin), &b->err);
    b->sent++;
}

/* Is every gradient of the next bucket whole when this record, and all behind it, are through? */
static bool is_whole(const km_buckets *b, size_t record)
{
    for (int i = b->sent ? b->end[b->sent - 1] : 0; i < b->end[b->sent]; i++)
        if (b->list[i].first_use < (int64_t)record) return false;
    return true;
}

void km_buckets_after(void *arg, size_t record)
{
    km_buckets *b = arg;
    while (b->status == KM_OK && b->sent < b->n_buckets && is_whole(b, record)) send(b);
    if (b->sent && record % 16 == 0) km_ranks_progress(b->ranks);
}

km_status km_buckets_end(km_buckets *b, km_err *err)
{
    while (b->status == KM_OK && b->sent < b->n_buckets) send(b);
    if (b->status < 0) return *err = b->err, b->status;
    KM_TRY(km_ranks_finish(b->ranks, err));
    const float *from = b->packed;
    for (int i = 0; i < b->count; from += b->list[i++].n)
        memcpy(b->grad + b->list[i].offset, from, (size_t)b->list[i].n * sizeof *from);
    return KM_OK;
}
