/* SPDX-License-Identifier: MIT
 * What the kinds of sets are made with. */
#ifndef LIB_FETCH_IMPL_H
#define LIB_FETCH_IMPL_H

#include "formats/zip.h"
#include "lib/fetch/fetch.h"

/* -- lists (list.c) */

/* A text that lasts as long as f. While systems are listed only: the arena is one thread's. */
char *km_fetch_lasting(km_fetch *f, const char *text);
/* Add a system; id and file are copied into f's arena. */
km_fetch_system *km_fetch_add(km_fetch *f, const char *id, const char *opt_file, int64_t bytes);
/* Letters, digits and . _ + - only, not at the beginning a dot: an id can be a file's name and stand in an address. */
bool km_fetch_id_is_safe(const char *id);
/* A path of plain names that leads neither out of the folder it is put behind nor to a hidden place. */
bool km_fetch_path_is_safe(const char *path);
/* What is kept of lists, in f->cache for a day, so that many runs in one folder ask for them once. make writes the file
 * anew; the one that is fresh is opened for reading. */
typedef km_status (*km_fetch_make)(km_fetch *f, km_http *h, const char *path, const void *arg, km_err *err);
km_status km_fetch_keep(km_fetch *f, km_http *h, const char *name, km_fetch_make make, const void *arg, int *ret_fd,
                        km_err *err) KM_MUST_USE;
/* A file that is kept so: n bytes of it from `first` on (n < 0: whole); as text (free it); as JSON; as the array that
 * the pages of a hub make together. */
km_status km_fetch_keep_file(km_fetch *f, km_http *h, const char *name, const char *url, int64_t first, int64_t n,
                             int *ret_fd, km_err *err) KM_MUST_USE;
km_status km_fetch_keep_text(km_fetch *f, km_http *h, const char *name, const char *url, char **ret,
                             km_err *err) KM_MUST_USE;
km_status km_fetch_keep_json(km_fetch *f, km_http *h, const char *name, const char *url, json_t **ret,
                             km_err *err) KM_MUST_USE;
km_status km_fetch_keep_pages(km_fetch *f, km_http *h, const char *name, const char *url, json_t **ret,
                              km_err *err) KM_MUST_USE;
/* A path as it stands in an address. Free it. */
char *km_fetch_escape(const char *path);
/* The text of an open file, with a NUL behind it; closes fd. Free it. */
km_status km_fetch_read(int fd, const char *name, char **ret, size_t *ret_n, km_err *err) KM_MUST_USE;

/* -- files (file.c) */

/* digest: "md5:HEX", "sha256:HEX", "git:HEX" (a blob's id), or NULL. KM_INPUT: another one. */
km_status km_fetch_verify(const char *path, const char *digest, km_err *err) KM_MUST_USE;
/* Read a gzip file to its end: its checksum and length. KM_INPUT: damaged. */
km_status km_fetch_verify_gzip(const char *path, km_err *err) KM_MUST_USE;
/* What km_fetch_file looks at when a file is there; NULL: nothing. */
typedef km_status (*km_fetch_check)(const char *path, const void *arg, km_err *err);
/* Bring a whole file to `to` by way of to.part, verify it (a spoiled one is asked for once more) and note it. bytes and
 * digest: the publisher's, or -1 and NULL; origin: how it was verified, for the manifest. */
typedef struct km_fetch_file {
    const char *url, *digest, *origin;
    int64_t bytes;
    km_fetch_check check;
    const void *arg;
} km_fetch_file;
km_status km_fetch_bring(km_http *h, const km_fetch_file *file, const char *to, json_t *record,
                         km_err *err) KM_MUST_USE;
/* Give a file that was verified its name, and note it. */
km_status km_fetch_name(const char *part, const char *to, const char *url, const char *opt_digest, const char *origin,
                        json_t *record, km_err *err) KM_MUST_USE;
/* Write all of it; false: errno says why not. */
bool km_fetch_write(int fd, const char *p, size_t n);
/* Note a file in a system's record. */
void km_fetch_note(json_t *record, const char *name, const char *url, int64_t bytes, const char *opt_digest,
                   const char *origin);
/* The folders that lead to a file. */
km_status km_fetch_make_folders(const char *path, km_err *err) KM_MUST_USE;
/* Remove a folder and all in it, following no links. */
km_status km_fetch_remove(const char *dir, km_err *err) KM_MUST_USE;

/* -- members of archives (unpack.c) */

/* Unpack a member to path: fd has the archive's bytes from `shift` on. Its length and CRC32 must be those of its entry.
 * KM_INPUT: damaged; on any failure nothing is left at path. */
km_status km_fetch_unpack(int fd, int64_t shift, const km_zip_entry *e, const char *path, km_err *err) KM_MUST_USE;
/* Is this file of the entry's length and CRC32? */
bool km_fetch_is_member(const char *path, const km_zip_entry *e);
/* The directory of an archive in a file. */
km_status km_fetch_directory(int fd, km_arena *arena, km_zip_entry **ret, uint64_t *ret_n, km_err *err) KM_MUST_USE;

/* -- HDF5 by ranges (h5_ranges.c) */

/* A file where it is. What goes wrong on the way to it is in status and err; everything that libhdf5 does with it then
 * fails. */
typedef struct km_fetch_h5 {
    km_http *h;
    const char *url;
    int64_t bytes;
    km_status status;
    km_err *err;
} km_fetch_h5;
/* Open it for reading, close it with H5Fclose; it borrows `from` until then. Negative: not HDF5, or status says what.
 * Under km_h5_lock. */
int64_t km_fetch_h5_open(km_fetch_h5 *from);

/* -- the manifest (manifest.c) */

/* Put records (id: record) into DIR/SET/manifest.json, beside what others have put there. */
km_status km_fetch_manifest(const km_fetch *f, json_t *records, km_err *err) KM_MUST_USE;

/* -- kinds: what a set's `data` is, and its two functions */

km_status km_fetch_atlas_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err);
km_status km_fetch_atlas_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                             km_err *err);

/* Zip archives of a record of Zenodo, with a folder a system. */
typedef struct km_fetch_record {
    int64_t number;
    const char *archives[4]; /* the last is NULL */
} km_fetch_record;
km_status km_fetch_zenodo_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err);
km_status km_fetch_zenodo_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                              km_err *err);
/* The record of a number; its licence becomes f's. And a file of it, in f's arena. */
km_status km_fetch_zenodo(km_fetch *f, km_http *h, int64_t number, json_t **ret, km_err *err) KM_MUST_USE;
km_status km_fetch_zenodo_file(km_fetch *f, int64_t number, const json_t *record, const char *name, km_fetch_file *ret,
                               km_err *err) KM_MUST_USE;

km_status km_fetch_misato_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err);
km_status km_fetch_misato_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                              km_err *err);

/* Projects behind an API. */
km_status km_fetch_mdposit_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err);
km_status km_fetch_mdposit_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                               km_err *err);

/* A repository of a hub: files that are systems, or folders. */
typedef struct km_fetch_hub {
    const char *kind, *repository, *folder; /* "datasets" or "models"; "" for all of it */
    const char *prefix, *suffix;            /* of the names of files that are systems; what is between them is the id */
    bool whole_names;                       /* the id is the whole name */
    bool grouped;                           /* a system is a folder instead, or files of one stem */
} km_fetch_hub;
km_status km_fetch_hub_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err);
km_status km_fetch_hub_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                           km_err *err);

/* One gzip file at the set's base. */
typedef struct km_fetch_single {
    const char *name;
    int64_t about; /* bytes */
} km_fetch_single;
km_status km_fetch_single_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err);
km_status km_fetch_single_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                              km_err *err);

#endif
