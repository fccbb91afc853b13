/* SPDX-License-Identifier: MIT
 * Values of a pickle: what calls give, looking things up, JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/torch_impl.h"

bool km_pickle_named(const km_pickle *v, const char *name)
{
    return v && v->kind == KM_PICKLE_CLASS && strcmp(v->text, name) == 0;
}

static bool is_one_of(const km_pickle *cls, const char *const *names)
{
    for (; *names; names++)
        if (km_pickle_named(cls, *names)) return true;
    return false;
}

/* Nothing is executed, so that a call of anything is as harmless as an instance of a class. One of what could run
 * commands or code, load libraries or open files says that the file was made to do harm, and it is not trusted further.
 */
static bool is_hostile(const km_pickle *cls)
{
    static const char *const modules[] = {
        "_pickle", "asyncio", "bdb", "cPickle", "cProfile", "code", "codeop", "commands", "ctypes", "imp", "importlib",
        "io", "marshal", "multiprocessing", "nt", "os", "pdb", "pickle", "pip", "popen2", "posix", "profile", "pty",
        "runpy", "shelve", "shutil", "signal", "site", "socket", "ssl", "subprocess", "sys", "tempfile", "threading",
        "timeit", "urllib", "webbrowser", NULL};
    static const char *const functions[] = {
        "__import__", "apply", "breakpoint", "compile", "eval", "exec", "execfile", "input", "open", NULL};
    size_t n = strcspn(cls->text, " ."), m = strcspn(cls->text, " ");
    for (const char *const *name = modules; *name; name++)
        if (strlen(*name) == n && strncmp(cls->text, *name, n) == 0) return true;
    if (strncmp(cls->text, "__builtin__ ", 12) != 0 && strncmp(cls->text, "builtins ", 9) != 0) return false;
    for (const char *const *name = functions; *name; name++)
        if (strcmp(cls->text + m + 1, *name) == 0) return true;
    return false;
}

km_pickle *km_pickle_call(km_arena *arena, km_pickle *cls, km_pickle *args)
{
    static const char *const dicts[] = {"collections OrderedDict", "collections defaultdict", "collections Counter",
                                        "__builtin__ dict", "builtins dict", NULL};
    static const char *const lists[] = {"torch Size", "__builtin__ set", "builtins set", "__builtin__ frozenset",
                                        "builtins frozenset", "__builtin__ list", "builtins list", "__builtin__ tuple",
                                        "builtins tuple", "collections deque", NULL};
    const km_pickle *first = args->n ? args->items[0] : NULL;
    bool list = is_one_of(cls, lists);
    if (is_one_of(cls, dicts) && (!first || first->kind != KM_PICKLE_LIST)) return km_pickle_new(arena, KM_PICKLE_DICT);
    if (list && !first) return km_pickle_new(arena, KM_PICKLE_LIST);
    if (list && first->kind == KM_PICKLE_LIST) return args->items[0]; /* a set may well be the list it is made from */
    if (is_hostile(cls)) return NULL;
    km_pickle *v = km_pickle_new(arena, KM_PICKLE_OBJECT);
    v->cls = cls;
    v->args = args;
    return v;
}

km_pickle *km_pickle_find(const km_pickle *d, const char *key)
{
    if (!d || d->kind != KM_PICKLE_DICT) return NULL;
    for (size_t i = d->n; i-- > 0;) { /* the last one wins */
        const km_pickle *k = d->items[2 * i];
        if (k->kind == KM_PICKLE_TEXT && strcmp(k->text, key) == 0) return d->items[2 * i + 1];
    }
    return NULL;
}

/* -- JSON */

enum { JSON_DEPTH = 100, JSON_VALUES = 1000000 };

typedef struct jsoner {
    int depth, values;
} jsoner;

static json_t *to_json(jsoner *j, km_pickle *v);

static json_t *dict_json(jsoner *j, const km_pickle *v)
{
    json_t *object = json_object();
    for (size_t i = 0; i < v->n; i++) {
        const km_pickle *key = v->items[2 * i];
        char number[32];
        if (key->kind == KM_PICKLE_INT) snprintf(number, sizeof number, "%" PRId64, key->integer);
        else if (key->kind != KM_PICKLE_TEXT) continue;
        json_object_set_new(object, key->kind == KM_PICKLE_INT ? number : key->text, to_json(j, v->items[2 * i + 1]));
    }
    return object;
}

static json_t *list_json(jsoner *j, const km_pickle *v)
{
    json_t *array = json_array();
    for (size_t i = 0; i < v->n; i++) json_array_append_new(array, to_json(j, v->items[i]));
    return array;
}

static json_t *object_json(jsoner *j, const km_pickle *v)
{
    km_pickle *inner = km_pickle_find(v->state, "_content");
    if (!inner) inner = km_pickle_find(v->state, "_val");
    if (inner && strncmp(v->cls->text, "omegaconf.", 10) == 0) return to_json(j, inner);
    return json_pack("{s:s*}", "class", v->cls->text);
}

static json_t *value_json(jsoner *j, const km_pickle *v)
{
    switch (v->kind) {
    case KM_PICKLE_BOOL: return json_boolean(v->integer);
    case KM_PICKLE_INT: return json_integer(v->integer);
    case KM_PICKLE_REAL: return isfinite(v->real) ? json_real(v->real) : NULL;
    case KM_PICKLE_TEXT: return json_stringn(v->text, v->n);
    case KM_PICKLE_CLASS: return json_string(v->text);
    case KM_PICKLE_LIST: return list_json(j, v);
    case KM_PICKLE_DICT: return dict_json(j, v);
    case KM_PICKLE_OBJECT: return object_json(j, v);
    case KM_PICKLE_NONE: case KM_PICKLE_BYTES: case KM_PICKLE_HANDLE: case KM_PICKLE_TENSOR: return NULL;
    }
    KM_BUG("kind %d", (int)v->kind);
}

static json_t *to_json(jsoner *j, km_pickle *v)
{
    json_t *value = NULL;
    if (!v->visited && j->depth < JSON_DEPTH && j->values < JSON_VALUES) {
        v->visited = 1;
        j->depth++;
        j->values++;
        value = value_json(j, v);
        j->depth--;
        v->visited = 0;
    }
    return value ? value : json_null();
}

char *km_pickle_json(km_pickle *v)
{
    jsoner j = {0};
    json_t *value = to_json(&j, v);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    KM_ASSERT(text);
    return text;
}
