/* SPDX-License-Identifier: MIT
 * Public data sets and weights, brought to a folder: DIR/SET/ID/ for a system of several files, DIR/SET/FILE for one
 * that is a file. Neither is there before everything in it is there and has been verified; what is on its way lies in
 * DIR/SET/ID.part/ and DIR/SET/FILE.part. DIR/SET/manifest.json says of each system what, from where, when, and how it
 * was verified. DIR/.fetch keeps lists, for a day, and locks. Several processes may work in one folder.
 *
 * A set is one row of km_fetch_sets with functions of its kind: an archive a system (atlas), systems in archives of
 * Zenodo (cath2), a hub's files (mdcath), groups of one HDF5 file (misato), an API (mdposit), single files (ccd).
 * Tests: tests/cli/fetch.bats */
#ifndef LIB_FETCH_FETCH_H
#define LIB_FETCH_FETCH_H

#include <jansson.h>

#include "lib/base/mem.h"
#include "lib/fetch/http.h"

typedef struct km_fetch km_fetch;
typedef struct km_fetch_set km_fetch_set;

typedef struct km_fetch_system {
    const char *id;     /* safe as a file's name */
    const char *file;   /* NULL: it is a folder */
    int64_t bytes;      /* to be brought; -1: not known before it is */
    int64_t room;       /* that it takes on disk while it is made; -1: as bytes */
    const void *what;   /* its set's own */
} km_fetch_system;

struct km_fetch_set {
    const char *name, *what, *size, *license, *source; /* for people; size "104 GB" */
    const char *base;       /* address that --base-url replaces */
    bool tiers;             /* has an analysis and a protein tier */
    bool in_all;            /* one of those that `all` stands for */
    bool guesses;           /* sizes of its systems are estimates */
    /* The systems, into f->systems; what lasts as long as f lies in f->arena. ids: those that are asked for, NULL all;
     * a set that can do without a list need not get it for them. */
    km_status (*list)(km_fetch *f, km_http *h, const char *const *ids, km_err *err);
    /* Bring one system to `to`, a folder that is there or a file's final name, and note its files in `record`. From any
     * thread. */
    km_status (*get)(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record, km_err *err);
    void (*close)(km_fetch *f); /* may be NULL */
    const void *data;       /* its kind's own */
};
extern const km_fetch_set km_fetch_sets[]; /* ends with a NULL name */
const km_fetch_set *km_fetch_find(const char *name);

struct km_fetch {
    const km_fetch_set *set;
    char *base, *dir;         /* without a slash at the end; DIR/SET */
    char *cache, *locks;      /* folders for what is kept of lists, and for the locks of hosts */
    const char *tier;         /* "analysis" or "protein" */
    bool names;               /* set before listing: it is the names that are wanted */
    bool whole;               /* every system is wanted, not a choice of them, nor their names */
    km_http_options http;
    km_arena *arena;
    km_fetch_system *systems;
    int n, room;
    char *license;            /* as the publisher says it, or the set's */
    void *state;              /* its kind's own */
};

/* A set into dir; opt_base: a mirror. Makes dir/.fetch. options is copied, its texts are borrowed; its locks are set
 * here, below dir. */
km_status km_fetch_open(const km_fetch_set *set, const char *dir, const char *opt_base, const char *tier,
                        const km_http_options *options, km_fetch **ret, km_err *err) KM_MUST_USE;
void km_fetch_close(km_fetch *f);
/* List the systems and leave those asked for: ids (NULL-terminated, or NULL: all), at most limit of them (0: all). One
 * that the set does not have is kept where only its server can tell, else KM_SYSTEM names it: `missing` counts them. */
km_status km_fetch_list(km_fetch *f, const char *const *opt_ids, int limit, int *ret_missing,
                        void (*missed)(void *arg, const char *id), void *arg, km_err *err) KM_MUST_USE;
/* Is it there already? */
bool km_fetch_has(const km_fetch *f, const km_fetch_system *s);
/* Bytes that are free where dir is. */
int64_t km_fetch_room(const char *dir);

typedef struct km_fetch_report {
    void (*done)(void *arg, const km_fetch *f, const km_fetch_system *s, km_status status, const km_err *err);
    void *arg;       /* done is called for each system that was not there, one call at a time */
    int fetched, there, failed;
} km_fetch_report;
/* Bring all that are listed, `jobs` at a time, and write the manifest. A system that fails does not stop the others; it
 * is reported and counted. KM_SYSTEM: the folder or the manifest; KM_INTERRUPTED. */
km_status km_fetch_run(km_fetch *f, int jobs, km_fetch_report *r, km_err *err) KM_MUST_USE;

#endif
