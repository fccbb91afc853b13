/* SPDX-License-Identifier: MIT */
#include "kernels/cuda/calls.h"

#include <string.h>

static bool under_way;
static km_pass pass;
static km_calls calls;
static uint64_t arguments;

void km_calls_begin(km_pass how)
{
    under_way = true, pass = how, arguments = 0;
    calls = km_calls{};
    calls.whole = true;
}

km_calls km_calls_end(void)
{
    under_way = false;
    return calls;
}

bool km_calls_under_way(void) { return under_way; }
bool km_calls_kept(void) { return under_way && pass == KM_PASS_KEPT; }
bool km_calls_left_out(void) { return under_way && (pass == KM_PASS_TOLD || !calls.whole); }

/* Two sums of different mixing (constants of xxHash), so that 128 bits must agree by chance. */
void km_calls_note(const void *argument, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)argument;
    arguments++;
    for (size_t done = 0; done < bytes; done += sizeof(uint64_t)) {
        uint64_t word = 0, *d = calls.digest;
        memcpy(&word, at + done, bytes - done < sizeof word ? bytes - done : sizeof word);
        d[0] = (d[0] ^ word) * 0x9e3779b185ebca87u;
        d[0] ^= d[0] >> 29;
        d[1] = (d[1] + word * 0xc2b2ae3d27d4eb4fu + 1) * 0x165667b19e3779f9u;
        d[1] = d[1] << 31 | d[1] >> 33;
    }
}

void km_calls_spoil(void) { calls.whole = false; }

void km_calls_copy(void)
{
    if (under_way && arguments > 0) km_calls_spoil();
}
