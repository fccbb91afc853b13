/* SPDX-License-Identifier: MIT
 * The restricted reader of pickles of protocols 2 to 5: a stack machine whose operations make inert values
 * (the Python library's pickletools describes each). Its first failure ends it: what comes after works on a value that
 * stands for the missing one.
 * Contents: 1. bytes and the stack  2. operations, by what they make  3. the machine */
#include <string.h>

#include "formats/torch_impl.h"

typedef struct reader {
    const uint8_t *bytes;
    size_t n, at, op_at; /* op_at: of the operation under way */
    km_arena *arena;
    km_pickle **stack, **memo;
    size_t depth, stack_room, memo_room, remembered;
    size_t *marks; /* heights of the stack */
    size_t n_marks, marks_room;
    km_pickle *nothing; /* stands for what is missing */
    km_status status;
    km_err *err;
} reader;

/* -- 1. bytes and the stack */

#define fail(r, ...)                                                                                                   \
    do {                                                                                                               \
        if ((r)->status == KM_OK) (r)->status = km_fail((r)->err, KM_INPUT, __VA_ARGS__);                              \
    } while (0)
#define AT "data.pkl, byte %zu: "

static void *grow(reader *r, void *array, size_t *room, size_t size)
{
    size_t more = *room ? 2 * *room : 64;
    void *p = km_arena_zero(r->arena, more * size);
    if (*room) memcpy(p, array, *room * size);
    *room = more;
    return p;
}

static void push(reader *r, km_pickle *v)
{
    if (r->depth == r->stack_room) r->stack = grow(r, r->stack, &r->stack_room, sizeof *r->stack);
    r->stack[r->depth++] = v;
}

static km_pickle *pop(reader *r)
{
    size_t floor = r->n_marks ? r->marks[r->n_marks - 1] : 0;
    if (r->depth > floor) return r->stack[--r->depth];
    fail(r, AT "the stack is empty", r->op_at);
    return r->nothing;
}

static km_pickle *top(reader *r)
{
    km_pickle *v = pop(r);
    push(r, v);
    return v;
}

/* Everything above the last mark, which goes; it stays where it is until the next push. */
static km_pickle **pop_to_mark(reader *r, size_t *ret_n)
{
    *ret_n = 0;
    if (r->n_marks == 0) {
        fail(r, AT "there is no mark", r->op_at);
        return r->stack;
    }
    size_t floor = r->marks[--r->n_marks];
    *ret_n = r->depth - floor;
    r->depth = floor;
    return r->stack + floor;
}

static const uint8_t *take(reader *r, uint64_t n)
{
    static const uint8_t zeros[8];
    if (n <= r->n - r->at) {
        r->at += (size_t)n;
        return r->bytes + r->at - n;
    }
    fail(r, "data.pkl is truncated: %llu bytes are wanted at byte %zu of %zu", (unsigned long long)n, r->at, r->n);
    return n <= sizeof zeros ? zeros : NULL;
}

static uint64_t take_number(reader *r, int bytes)
{
    const uint8_t *p = take(r, (uint64_t)bytes);
    uint64_t v = 0;
    while (bytes-- > 0) v = v << 8 | p[bytes];
    return v;
}

km_pickle *km_pickle_new(km_arena *arena, km_pickle_kind kind)
{
    km_pickle *v = km_arena_zero(arena, sizeof *v);
    v->kind = kind;
    return v;
}

static km_pickle *new_value(reader *r, km_pickle_kind kind) { return km_pickle_new(r->arena, kind); }

/* -- 2. operations; each says whether it knows this one */

static void push_int(reader *r, km_pickle_kind kind, int64_t i)
{
    km_pickle *v = new_value(r, kind);
    v->integer = i;
    push(r, v);
}

static km_pickle *new_text(reader *r, km_pickle_kind kind, const void *p, uint64_t n)
{
    km_pickle *v = new_value(r, kind);
    char *text = km_arena_get(r->arena, (size_t)n + 1);
    memcpy(text, p, (size_t)n);
    text[n] = 0;
    v->text = text;
    v->n = (size_t)n;
    return v;
}

static void push_text(reader *r, km_pickle_kind kind, uint64_t n)
{
    const uint8_t *p = take(r, n);
    push(r, r->status ? r->nothing : new_text(r, kind, p, n));
}

/* Two's complement, little-endian, as short as it goes. What needs more than 64 bits is kept as its bytes. */
static void push_long(reader *r, uint64_t n)
{
    const uint8_t *p = take(r, n);
    if (r->status || n <= 8) {
        uint64_t v = n && !r->status && p[n - 1] >> 7 ? UINT64_MAX : 0;
        for (uint64_t i = r->status ? 0 : n; i-- > 0;) v = v << 8 | p[i];
        push_int(r, KM_PICKLE_INT, (int64_t)v);
        return;
    }
    km_pickle *v = new_value(r, KM_PICKLE_OBJECT);
    v->cls = new_text(r, KM_PICKLE_CLASS, "builtins int", 12);
    v->args = new_text(r, KM_PICKLE_BYTES, p, n);
    push(r, v);
}

static void push_real(reader *r)
{
    const uint8_t *p = take(r, 8);
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits = bits << 8 | p[i];
    km_pickle *v = new_value(r, KM_PICKLE_REAL);
    memcpy(&v->real, &bits, 8);
    push(r, v);
}

static bool plain_value(reader *r, int op)
{
    switch (op) {
    case 'N': push(r, new_value(r, KM_PICKLE_NONE)); break;
    case 0x88: push_int(r, KM_PICKLE_BOOL, 1); break;
    case 0x89: push_int(r, KM_PICKLE_BOOL, 0); break;
    case 'K': push_int(r, KM_PICKLE_INT, (int64_t)take_number(r, 1)); break;
    case 'M': push_int(r, KM_PICKLE_INT, (int64_t)take_number(r, 2)); break;
    case 'J': push_int(r, KM_PICKLE_INT, (int32_t)take_number(r, 4)); break;
    case 0x8a: push_long(r, take_number(r, 1)); break;
    case 0x8b: push_long(r, take_number(r, 4)); break;
    case 'G': push_real(r); break;
    case 'U': case 0x8c: push_text(r, KM_PICKLE_TEXT, take_number(r, 1)); break;
    case 'T': case 'X': push_text(r, KM_PICKLE_TEXT, take_number(r, 4)); break;
    case 0x8d: push_text(r, KM_PICKLE_TEXT, take_number(r, 8)); break;
    case 'C': push_text(r, KM_PICKLE_BYTES, take_number(r, 1)); break;
    case 'B': push_text(r, KM_PICKLE_BYTES, take_number(r, 4)); break;
    case 0x8e: case 0x96: push_text(r, KM_PICKLE_BYTES, take_number(r, 8)); break;
    default: return false;
    }
    return true;
}

static void add_item(km_arena *arena, km_pickle *v, km_pickle *item, size_t at)
{
    if (at == v->room) {
        size_t room = v->room ? 2 * v->room : 8;
        km_pickle **items = km_arena_get(arena, room * sizeof *items);
        if (at) memcpy(items, v->items, at * sizeof *items);
        v->items = items;
        v->room = room;
    }
    v->items[at] = item;
}

void km_pickle_append(km_arena *arena, km_pickle *list, km_pickle *item) { add_item(arena, list, item, list->n++); }

static void add_entry(reader *r, km_pickle *dict, km_pickle *key, km_pickle *value)
{
    add_item(r->arena, dict, key, 2 * dict->n);
    add_item(r->arena, dict, value, 2 * dict->n + 1);
    dict->n++;
}

/* The container that is filled when v is: v, or what an object keeps. */
static km_pickle *container(reader *r, km_pickle *v, km_pickle_kind kind)
{
    if (v->kind == KM_PICKLE_OBJECT) {
        if (!v->contents) v->contents = new_value(r, kind);
        v = v->contents;
    }
    if (v->kind == kind) return v;
    fail(r, AT "a value is put into what is no %s", r->op_at, kind == KM_PICKLE_DICT ? "dictionary" : "list");
    return new_value(r, kind);
}

static void fill(reader *r, km_pickle **items, size_t n, km_pickle_kind kind)
{
    km_pickle *to = container(r, top(r), kind);
    if (kind == KM_PICKLE_DICT && n % 2) fail(r, AT "a key without a value", r->op_at);
    if (r->status) return;
    for (size_t i = 0; i < n; i += kind == KM_PICKLE_DICT ? 2 : 1) {
        if (kind == KM_PICKLE_DICT) add_entry(r, to, items[i], items[i + 1]);
        else km_pickle_append(r->arena, to, items[i]);
    }
}

/* top() pushes again what was there, so that items popped from above it are still in place. */
static void fill_from_mark(reader *r, km_pickle_kind kind)
{
    size_t n;
    km_pickle **items = pop_to_mark(r, &n);
    fill(r, items, n, kind);
}

static void fill_from_stack(reader *r, size_t n, km_pickle_kind kind)
{
    km_pickle *items[2] = {0};
    for (size_t i = n; i-- > 0;) items[i] = pop(r);
    fill(r, items, n, kind);
}

static void push_list(reader *r, km_pickle **items, size_t n)
{
    km_pickle *v = new_value(r, KM_PICKLE_LIST);
    for (size_t i = 0; i < n; i++) km_pickle_append(r->arena, v, items[i]);
    push(r, v);
}

static void list_from_mark(reader *r)
{
    size_t n;
    km_pickle **items = pop_to_mark(r, &n);
    push_list(r, items, n);
}

static void list_from_stack(reader *r, size_t n)
{
    km_pickle *items[3];
    for (size_t i = n; i-- > 0;) items[i] = pop(r);
    push_list(r, items, n);
}

static bool containers(reader *r, int op)
{
    switch (op) {
    case ']': case ')': case 0x8f: push(r, new_value(r, KM_PICKLE_LIST)); break;
    case '}': push(r, new_value(r, KM_PICKLE_DICT)); break;
    case 't': case 'l': case 0x91: list_from_mark(r); break;
    case 0x85: case 0x86: case 0x87: list_from_stack(r, (size_t)op - 0x84); break;
    case 'a': fill_from_stack(r, 1, KM_PICKLE_LIST); break;
    case 'e': case 0x90: fill_from_mark(r, KM_PICKLE_LIST); break;
    case 's': fill_from_stack(r, 2, KM_PICKLE_DICT); break;
    case 'u': fill_from_mark(r, KM_PICKLE_DICT); break;
    default: return false;
    }
    return true;
}

static void push_mark(reader *r)
{
    if (r->n_marks == r->marks_room) r->marks = grow(r, r->marks, &r->marks_room, sizeof *r->marks);
    r->marks[r->n_marks++] = r->depth;
}

/* A pickle numbers what it remembers from 0 on, so that a number is never larger than the pickle is long. */
static void remember(reader *r, uint64_t i)
{
    km_pickle *v = top(r);
    if (i >= r->n) fail(r, AT "value %llu is remembered", r->op_at, (unsigned long long)i);
    while (!r->status && i >= r->memo_room) r->memo = grow(r, r->memo, &r->memo_room, sizeof *r->memo);
    if (r->status) return;
    r->remembered += !r->memo[i];
    r->memo[i] = v;
}

static void recall(reader *r, uint64_t i)
{
    bool known = i < r->memo_room && r->memo[i];
    if (!known) fail(r, AT "value %llu is recalled, which nothing remembered", r->op_at, (unsigned long long)i);
    push(r, known ? r->memo[i] : r->nothing);
}

static bool stack_and_memo(reader *r, int op)
{
    size_t n;
    switch (op) {
    case '(': push_mark(r); break;
    case '0': pop(r); break;
    case '1': pop_to_mark(r, &n); break;
    case '2': push(r, top(r)); break;
    case 'q': remember(r, take_number(r, 1)); break;
    case 'r': remember(r, take_number(r, 4)); break;
    case 0x94: remember(r, r->remembered); break;
    case 'h': recall(r, take_number(r, 1)); break;
    case 'j': recall(r, take_number(r, 4)); break;
    default: return false;
    }
    return true;
}

static km_pickle *new_class(reader *r, const void *module, size_t m, const void *name, size_t n)
{
    char *text = km_arena_get(r->arena, m + n + 2);
    if (memchr(module, 0, m) || memchr(module, ' ', m) || memchr(name, 0, n))
        fail(r, AT "bad name of a class", r->op_at);
    memcpy(text, module, m);
    text[m] = ' ';
    memcpy(text + m + 1, name, n);
    text[m + n + 1] = 0;
    km_pickle *v = new_value(r, KM_PICKLE_CLASS);
    v->text = text;
    v->n = m + n + 1;
    return v;
}

static const uint8_t *take_line(reader *r, size_t *ret_n)
{
    const uint8_t *p = r->bytes + r->at, *end = memchr(p, '\n', r->n - r->at);
    *ret_n = end ? (size_t)(end - p) : r->n - r->at;
    return take(r, *ret_n + 1) ? p : (const uint8_t *)"";
}

static void push_class(reader *r)
{
    size_t m, n = 0;
    const uint8_t *module = take_line(r, &m), *name = r->status ? module : take_line(r, &n);
    push(r, r->status ? r->nothing : new_class(r, module, m, name, n));
}

static void push_class_of_stack(reader *r)
{
    km_pickle *name = pop(r), *module = pop(r);
    if (name->kind != KM_PICKLE_TEXT || module->kind != KM_PICKLE_TEXT) fail(r, AT "a class without a name", r->op_at);
    push(r, r->status ? r->nothing : new_class(r, module->text, module->n, name->text, name->n));
}

static void push_instance(reader *r, km_pickle *cls, km_pickle *args)
{
    km_pickle *v = r->nothing;
    if (cls->kind != KM_PICKLE_CLASS || args->kind != KM_PICKLE_LIST)
        fail(r, AT "a call of what is no class", r->op_at);
    else if (!(v = km_pickle_call(r->arena, cls, args)))
        fail(r, AT "calls '%.80s': nothing of a checkpoint is executed", r->op_at, cls->text);
    push(r, r->status ? r->nothing : v);
}

static void instance_of_stack(reader *r)
{
    km_pickle *args = pop(r), *cls = pop(r);
    push_instance(r, cls, args);
}

/* Keywords are left out: nothing that is looked at is made with them. */
static void instance_with_keywords(reader *r)
{
    pop(r);
    instance_of_stack(r);
}

static void set_state(reader *r)
{
    km_pickle *state = pop(r), *v = top(r);
    if (v->kind != KM_PICKLE_OBJECT && v->kind != KM_PICKLE_DICT && v->kind != KM_PICKLE_LIST)
        fail(r, AT "a state for a plain value", r->op_at);
    if (!r->status) v->state = state;
}

static void push_handle(reader *r)
{
    km_pickle *v = new_value(r, KM_PICKLE_HANDLE);
    v->args = pop(r);
    push(r, v);
}

static bool instances(reader *r, int op)
{
    switch (op) {
    case 'c': push_class(r); break;
    case 0x93: push_class_of_stack(r); break;
    case 'R': case 0x81: instance_of_stack(r); break;
    case 0x92: instance_with_keywords(r); break;
    case 'b': set_state(r); break;
    case 'Q': push_handle(r); break;
    default: return false;
    }
    return true;
}

/* -- 3. the machine */

static void step(reader *r)
{
    r->op_at = r->at;
    int op = (int)take_number(r, 1);
    if (op == 0x80) { /* the protocol; each is a superset of the one before */
        uint64_t protocol = take_number(r, 1);
        if (protocol < 2 || protocol > 5) fail(r, AT "protocol %llu", r->op_at, (unsigned long long)protocol);
    } else if (op == 0x95) {
        take_number(r, 8); /* a frame's length: a hint for buffering */
    } else if (!plain_value(r, op) && !containers(r, op) && !stack_and_memo(r, op) && !instances(r, op)) {
        fail(r, AT "operation 0x%02x, which no checkpoint needs", r->op_at, (unsigned)op);
    }
}

km_status km_pickle_read(const uint8_t *bytes, size_t n, km_arena *arena, km_pickle **ret, km_err *err)
{
    reader r = {.bytes = bytes, .n = n, .arena = arena, .err = err};
    *ret = r.nothing = new_value(&r, KM_PICKLE_NONE);
    while (r.status == KM_OK && !(r.at < n && bytes[r.at] == '.')) step(&r);
    r.op_at = r.at;
    if (r.status == KM_OK) *ret = pop(&r);
    return r.status;
}
