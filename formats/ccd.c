/* SPDX-License-Identifier: MIT
 * The dictionary's image: mapped from an index file or made anew, and looked up by name. */
#include "formats/ccd.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/ccd_impl.h"
#include "formats/slurp.h"
#include "lib/base/mem.h"

enum { INDEX_FROM = 1 << 20 }; /* smaller dictionaries are read faster than an index is looked for */

struct km_ccd {
    char *image, *path; /* path: of the dictionary */
    size_t n;
    bool mapped;
};

static const km_ccd_head *head_of(const km_ccd *d) { return (const km_ccd_head *)d->image; }
static const km_ccd_entry *entries_of(const km_ccd *d)
{
    return (const km_ccd_entry *)(d->image + sizeof(km_ccd_head));
}


/* Are head and entries sound, and all records within the image? */
static bool sound(const km_ccd *d)
{
    const km_ccd_head *h = head_of(d);
    if (d->n < sizeof *h || memcmp(h->magic, KM_CCD_MAGIC, 8) != 0 || h->bytes != d->n) return false;
    if (h->count == 0 || h->count > (d->n - sizeof *h) / sizeof(km_ccd_entry)) return false;
    const km_ccd_entry *e = entries_of(d);
    if (crc32(0, (const Bytef *)e, (uInt)(h->count * sizeof *e)) != h->crc) return false;
    for (uint32_t i = 0; i < h->count; i++)
        if (e[i].name[7] || e[i].offset > d->n || e[i].bytes > d->n - e[i].offset ||
            e[i].bytes < sizeof(km_ccd_record) || (i && memcmp(e[i - 1].name, e[i].name, sizeof e->name) >= 0))
            return false;
    return true;
}

static void put_source(km_ccd_head *h, const struct stat *st)
{
    h->source_bytes = (uint64_t)st->st_size;
    h->source_seconds = st->st_mtim.tv_sec;
    h->source_nanoseconds = st->st_mtim.tv_nsec;
}

static bool same_source(const km_ccd_head *h, const struct stat *st)
{
    km_ccd_head now = {0};
    put_source(&now, st);
    return h->source_bytes == now.source_bytes && h->source_seconds == now.source_seconds &&
           h->source_nanoseconds == now.source_nanoseconds;
}

/* -- the index file */

/* Where the index may lie: beside the dictionary (0), in the user's cache (1). NULL when there is no such place. */
static char *index_path(const char *path, int place)
{
    if (place == 0) return km_asprintf("%s.kmi", path);
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *name = strrchr(path, '/');
    char *full = realpath(path, NULL), *out = NULL;
    unsigned crc = full ? (unsigned)crc32(0, (const Bytef *)full, (uInt)strlen(full)) : 0;
    name = name ? name + 1 : path;
    if (cache && *cache == '/') out = km_asprintf("%s/kinematic/%s-%08x.kmi", cache, name, crc);
    else if (home && *home == '/') out = km_asprintf("%s/.cache/kinematic/%s-%08x.kmi", home, name, crc);
    free(full);
    return out;
}

static bool map_index(km_ccd *d, const char *index, const struct stat *source)
{
    struct stat st;
    int fd = open(index, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    void *at = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(km_ccd_head))
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (at == MAP_FAILED) return false;
    d->image = at, d->n = (size_t)st.st_size, d->mapped = true;
    if (sound(d) && same_source(head_of(d), source)) return true;
    munmap(at, d->n);
    d->image = NULL, d->n = 0, d->mapped = false;
    return false;
}

static void make_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0777); /* what cannot be made is noticed when the file is opened */
        *p = '/';
    }
}

/* Under another name first, so that no reader sees half of it. */
static bool write_index(const km_ccd *d, const char *index)
{
    char *part = km_asprintf("%s.%ld.part", index, (long)getpid());
    FILE *f = fopen(part, "wbx");
    bool good = f && fwrite(d->image, 1, d->n, f) == d->n;
    if (f) good = fclose(f) == 0 && good;
    good = good && rename(part, index) == 0;
    if (f && !good) unlink(part);
    free(part);
    return good;
}

static bool find_index(km_ccd *d, const struct stat *st)
{
    bool found = false;
    for (int place = 0; place < 2 && !found; place++) {
        char *index = index_path(d->path, place);
        found = index && map_index(d, index, st);
        free(index);
    }
    return found;
}

static void keep_index(const km_ccd *d)
{
    bool kept = false;
    for (int place = 0; place < 2 && !kept; place++) {
        char *index = index_path(d->path, place);
        if (index && place == 1) make_folders(index);
        kept = index && write_index(d, index);
        free(index);
    }
}

/* -- opening */

static km_status make_image(km_ccd *d, const char *text, size_t n, km_err *err)
{
    km_ccd_builder *b = km_ccd_builder_new();
    /* a msgpack map; CIF is text */
    bool binary = n > 0 && ((uint8_t)text[0] >> 4 == 8 || (uint8_t)text[0] >= 0xde);
    km_status status = binary ? km_ccd_read_bcif(text, n, b, err) : km_ccd_read_cif(text, n, b, err);
    if (status == KM_OK) status = km_ccd_builder_image(b, &d->image, &d->n, err);
    km_ccd_builder_free(b);
    return status;
}

km_status km_ccd_parse(const char *text, size_t n, const char *name, km_ccd **ret, km_err *err)
{
    km_ccd *d = KM_NEW(km_ccd);
    *ret = NULL;
    d->path = km_strdup(name);
    if (make_image(d, text, n, err) < 0) {
        km_ccd_close(d);
        return err ? km_fail_in(err, name) : KM_INPUT;
    }
    *ret = d;
    return KM_OK;
}

km_status km_ccd_open(const char *path, km_ccd **ret, km_err *err)
{
    struct stat st;
    *ret = NULL;
    if (stat(path, &st) != 0) return km_fail(err, KM_SYSTEM, "cannot open '%.150s': %s", path, strerror(errno));
    bool indexed = S_ISREG(st.st_mode) && st.st_size >= INDEX_FROM;
    km_ccd *d = KM_NEW(km_ccd);
    d->path = km_strdup(path);
    if (indexed && find_index(d, &st)) {
        *ret = d;
        return KM_OK;
    }
    km_ccd_close(d);
    char *text;
    size_t n;
    KM_TRY(km_slurp(path, &text, &n, err));
    km_status status = km_ccd_parse(text, n, path, &d, err);
    free(text);
    if (status < 0) return status;
    put_source((km_ccd_head *)d->image, &st);
    if (indexed) keep_index(d);
    *ret = d;
    return KM_OK;
}

void km_ccd_close(km_ccd *d)
{
    if (!d) return;
    if (d->mapped) munmap(d->image, d->n);
    else free(d->image);
    free(d->path);
    free(d);
}

int32_t km_ccd_count(const km_ccd *d) { return (int32_t)head_of(d)->count; }

void km_ccd_name(const km_ccd *d, int32_t i, km_name ret) { memcpy(ret, entries_of(d)[i].name, sizeof(km_name)); }

/* -- looking up */

static int by_name(const void *key, const void *entry)
{
    return memcmp(key, ((const km_ccd_entry *)entry)->name, sizeof(km_name));
}

/* The sum may be right and the record not, where someone wrote it so. */
static bool sound_record(const km_ccd_record *r, size_t bytes)
{
    size_t parts = sizeof *r + r->n_atoms * sizeof(km_ccd_atom) + r->n_bonds * sizeof(km_ccd_bond);
    if (bytes != (parts + 3) / 4 * 4) return false;
    const km_ccd_atom *a = (const km_ccd_atom *)(r + 1);
    const km_ccd_bond *b = (const km_ccd_bond *)(a + r->n_atoms);
    if (r->mol_type > KM_NONPOLYMER) return false;
    for (int i = 0; i < r->n_atoms; i++)
        if (a[i].name[7] || !isfinite(a[i].pos[0] + a[i].pos[1] + a[i].pos[2])) return false;
    for (int i = 0; i < r->n_bonds; i++)
        if (b[i].a >= b[i].b || b[i].b >= r->n_atoms || b[i].type > KM_BOND_COVALENT) return false;
    return true;
}

static km_component *component_of(const km_name name, const km_ccd_record *r)
{
    const km_ccd_atom *from = (const km_ccd_atom *)(r + 1);
    const km_ccd_bond *bonds = (const km_ccd_bond *)(from + r->n_atoms);
    km_component *c = km_calloc(1, sizeof *c + r->n_atoms * sizeof(km_component_atom) +
                                       r->n_bonds * sizeof(km_component_bond));
    km_component_atom *to = (km_component_atom *)(c + 1);
    km_component_bond *to_bonds = (km_component_bond *)(to + r->n_atoms);
    *c = (km_component){.letter = 'X', .mol_type = r->mol_type, .n_atoms = r->n_atoms, .n_bonds = r->n_bonds,
                        .parent = (char)r->parent, .atoms = to, .bonds = to_bonds, .unplaced = r->unplaced};
    memcpy(c->name, name, sizeof c->name);
    for (int i = 0; i < r->n_atoms; i++) {
        to[i] = (km_component_atom){.element = from[i].element, .charge = from[i].charge, .leaves = from[i].leaves,
                                    .hydrogens = from[i].hydrogens};
        memcpy(to[i].name, from[i].name, sizeof to->name);
        memcpy(to[i].pos, from[i].pos, sizeof to->pos);
    }
    for (int i = 0; i < r->n_bonds; i++)
        to_bonds[i] = (km_component_bond){bonds[i].a, bonds[i].b, (uint8_t)bonds[i].type};
    return c;
}

km_status km_ccd_find(const km_ccd *d, const char *name, km_component **ret, km_err *err)
{
    km_name key = {0};
    *ret = NULL;
    if (strlen(name) >= sizeof key) return 0;
    memcpy(key, name, strlen(name));
    const km_ccd_entry *e = bsearch(key, entries_of(d), head_of(d)->count, sizeof *e, by_name);
    if (!e) return 0;
    const km_ccd_record *r = (const km_ccd_record *)(d->image + e->offset);
    if (e->offset % 4 || crc32(0, (const Bytef *)r, e->bytes) != e->crc || !sound_record(r, e->bytes))
        return km_fail(err, KM_INPUT, "%.150s: its index is damaged at component %s: remove the .kmi file", d->path,
                       name);
    *ret = component_of(key, r);
    return 1;
}
