/* SPDX-License-Identifier: MIT
 * What -fsanitize=thread,alignment calls, for race.h. */
#include "tests/emulate/race.h"

#define HERE __builtin_return_address(0)
#define ACCESS(bytes)                                                                                                  \
    void __tsan_read##bytes(void *p) { race::at(p, bytes, race::READ, HERE); }                                         \
    void __tsan_write##bytes(void *p) { race::at(p, bytes, race::WRITE, HERE); }

extern "C" {

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
void __tsan_read_range(void *p, long bytes) { race::at(p, (size_t)bytes, race::READ, HERE); }
void __tsan_write_range(void *p, long bytes) { race::at(p, (size_t)bytes, race::WRITE, HERE); }
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
void __tsan_init(void) {}
void __ubsan_handle_type_mismatch_v1(void *, void *p) { race::out_of_line(p, HERE); }
}
