/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/tensor/tensor.h"

typedef struct record {
    km_backward *backward;
    void *state;
} record;

struct km_tape {
    record *records;
    size_t count, room;
};

km_tape *km_tape_new(void) { return KM_NEW(km_tape); }

void km_tape_free(km_tape *tape)
{
    if (!tape) return;
    free(tape->records);
    free(tape);
}

void km_tape_clear(km_tape *tape) { tape->count = 0; }

bool km_recording(const km_ctx *cx, int n, const km_tensor *const *inputs)
{
    if (!cx->tape) return false;
    for (int i = 0; i < n; i++)
        if (inputs[i] && inputs[i]->wants_grad) return true;
    return false;
}

void km_record(km_ctx *cx, km_tensor *out, km_backward *backward, void *state)
{
    km_tape *tape = cx->tape;
    if (tape->count == tape->room) {
        tape->room = tape->room ? 2 * tape->room : 1024;
        tape->records = km_realloc(tape->records, tape->room * sizeof *tape->records);
    }
    out->wants_grad = true;
    tape->records[tape->count++] = (record){backward, state};
}

void km_backprop(km_ctx *cx, km_tensor *scalar, float seed)
{
    KM_ASSERT(cx->tape && km_numel(scalar) == 1);
    float *g = km_grad(cx, scalar);
    if (!g) return;
    *g += seed;
    for (size_t i = cx->tape->count; i-- > 0;) cx->tape->records[i].backward(cx, cx->tape->records[i].state);
}
