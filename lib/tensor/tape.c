/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/tensor/device.h"
#include "lib/tensor/tensor.h"

typedef struct record {
    km_backward *backward;
    void *state;
} record;

struct km_tape {
    record *records;
    size_t count, room;
    km_param_use *uses; /* noted while there is a watcher */
    size_t n_uses, uses_room;
    km_tape_watcher *watcher;
    void *arg;
};

km_tape *km_tape_new(void) { return KM_NEW(km_tape); }

void km_tape_free(km_tape *tape)
{
    if (!tape) return;
    free(tape->records), free(tape->uses);
    free(tape);
}

void km_tape_clear(km_tape *tape) { tape->count = tape->n_uses = 0; }

void km_tape_watch(km_tape *tape, km_tape_watcher *opt_watcher, void *arg)
{
    tape->watcher = opt_watcher;
    tape->arg = arg;
}

const km_param_use *km_tape_uses(const km_tape *tape, size_t *ret_n)
{
    *ret_n = tape->n_uses;
    return tape->uses;
}

static void note_use(km_tape *tape, km_dim param_offset)
{
    if (tape->n_uses == tape->uses_room) {
        tape->uses_room = tape->uses_room ? 2 * tape->uses_room : 1024;
        tape->uses = km_realloc(tape->uses, tape->uses_room * sizeof *tape->uses);
    }
    tape->uses[tape->n_uses++] = (km_param_use){param_offset, tape->count};
}

km_tape *km_tape_inner(const km_tape *outer)
{
    km_tape *tape = km_tape_new();
    tape->watcher = outer->watcher;
    return tape;
}

bool km_tape_adopt(km_tape *outer, const km_tape *inner)
{
    for (size_t i = 0; i < inner->n_uses; i++) note_use(outer, inner->uses[i].offset);
    return inner->count > 0;
}

bool km_recording(const km_ctx *cx, int n, const km_tensor *const *inputs)
{
    bool wanted = false;
    if (!cx->tape) return false;
    for (int i = 0; i < n; i++) {
        if (!inputs[i] || !inputs[i]->wants_grad) continue;
        const km_tensor *owner = inputs[i]->base ? inputs[i]->base : inputs[i];
        wanted = true;
        if (cx->tape->watcher && owner->param_offset >= 0) note_use(cx->tape, owner->param_offset);
    }
    return wanted;
}

void km_record(km_ctx *cx, km_tensor *out, km_backward *backward, void *state)
{
    km_tape *tape = cx->tape;
    if (tape->count == tape->room) {
        tape->room = tape->room ? 2 * tape->room : 1024;
        tape->records = km_realloc(tape->records, tape->room * sizeof *tape->records);
    }
    out->wants_grad = true;
    if (out->base) out->base->wants_grad = true;
    tape->records[tape->count++] = (record){backward, state};
}

void km_backprop(km_ctx *cx, km_tensor *scalar, float seed)
{
    KM_ASSERT(cx->tape && km_numel(scalar) == 1);
    float *g = km_grad(cx, scalar);
    if (!g) return;
    km_seed(cx, g, seed);
    km_tape_backward(cx);
}

void km_tape_backward(km_ctx *cx)
{
    for (size_t i = cx->tape->count; i-- > 0;) {
        cx->tape->records[i].backward(cx, cx->tape->records[i].state);
        if (cx->tape->watcher) cx->tape->watcher(cx->tape->arg, i);
    }
}
