/* SPDX-License-Identifier: MIT
 * A driver of libhdf5 that reads a file where it is, by ranges. What is read is kept in blocks; blocks that are asked
 * for one behind the other are brought in ever larger runs. */
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fetch/impl.h"

enum { BLOCK = 1 << 17, KEPT = 128, LONGEST_RUN = 32 };

typedef struct block {
    int64_t number; /* -1: none */
    unsigned used;
    uint8_t *bytes;
} block;

typedef struct ranges {
    H5FD_t pub;
    km_fetch_h5 *from;
    haddr_t end; /* of what libhdf5 wants to see */
    block blocks[KEPT];
    unsigned clock;
    int64_t next; /* the block behind the last run */
    int run;
} ranges;

static block *find(ranges *f, int64_t number)
{
    for (int i = 0; i < KEPT; i++)
        if (f->blocks[i].number == number) return &f->blocks[i];
    return NULL;
}

static block *oldest(ranges *f)
{
    block *b = &f->blocks[0];
    for (int i = 1; i < KEPT; i++)
        if (f->blocks[i].used < b->used) b = &f->blocks[i];
    return b;
}

/* Bring this block, and when the one before it was the last, some behind it. */
static km_status bring(ranges *f, int64_t number)
{
    const km_fetch_h5 *from = f->from;
    int64_t first = number * BLOCK;
    int n = 1, most = number == f->next && f->run < LONGEST_RUN ? 2 * f->run : number == f->next ? f->run : 1;
    while (n < most && first + n * (int64_t)BLOCK < from->bytes && !find(f, number + n)) n++;
    int64_t bytes = from->bytes - first < n * (int64_t)BLOCK ? from->bytes - first : n * (int64_t)BLOCK;
    uint8_t *all = km_alloc((size_t)n * BLOCK);
    km_status status = km_http_range(from->h, from->url, first, bytes, from->bytes, all, from->err);
    for (int i = 0; i < n && status == KM_OK; i++) {
        block *b = oldest(f);
        b->number = number + i;
        b->used = ++f->clock;
        if (!b->bytes) b->bytes = km_alloc(BLOCK);
        memcpy(b->bytes, all + (size_t)i * BLOCK, BLOCK);
    }
    free(all);
    f->next = number + n;
    f->run = n;
    return status;
}

/* -- what libhdf5 calls */

static H5FD_t *on_open(const char *name, unsigned flags, hid_t access, haddr_t most)
{
    (void)name, (void)flags, (void)most;
    ranges *f = KM_NEW(ranges);
    f->from = *(km_fetch_h5 *const *)H5Pget_driver_info(access);
    for (int i = 0; i < KEPT; i++) f->blocks[i].number = -1;
    f->next = -1;
    return &f->pub;
}

static herr_t on_close(H5FD_t *file)
{
    ranges *f = (ranges *)file;
    for (int i = 0; i < KEPT; i++) free(f->blocks[i].bytes);
    free(f);
    return 0;
}

static herr_t on_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_DATA_SIEVE;
    return 0;
}

static haddr_t get_end(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const ranges *)file)->end;
}

static herr_t set_end(H5FD_t *file, H5FD_mem_t type, haddr_t to)
{
    (void)type;
    ((ranges *)file)->end = to;
    return 0;
}

static haddr_t get_size(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return (haddr_t)((const ranges *)file)->from->bytes;
}

static herr_t on_read(H5FD_t *file, H5FD_mem_t type, hid_t how, haddr_t at, size_t n, void *to)
{
    ranges *f = (ranges *)file;
    uint8_t *p = to;
    (void)type, (void)how;
    if (at > (haddr_t)f->from->bytes || n > (haddr_t)f->from->bytes - at) return -1;
    while (n > 0) {
        int64_t number = (int64_t)(at / BLOCK);
        size_t skip = (size_t)(at % BLOCK), k = BLOCK - skip < n ? BLOCK - skip : n;
        if (f->from->status == KM_OK && !find(f, number)) f->from->status = bring(f, number);
        if (f->from->status != KM_OK) return -1;
        block *b = find(f, number);
        b->used = ++f->clock;
        memcpy(p, b->bytes + skip, k);
        at += k, p += k, n -= k;
    }
    return 0;
}

static herr_t on_write(H5FD_t *file, H5FD_mem_t type, hid_t how, haddr_t at, size_t n, const void *from)
{
    (void)file, (void)type, (void)how, (void)at, (void)n, (void)from;
    return -1;
}

int64_t km_fetch_h5_open(km_fetch_h5 *from)
{
    static const H5FD_class_t driver = {.name = "km-ranges", .maxaddr = INT64_MAX, .fc_degree = H5F_CLOSE_STRONG,
                                        .fapl_size = sizeof(km_fetch_h5 *), .open = on_open, .close = on_close,
                                        .query = on_query, .get_eoa = get_end, .set_eoa = set_end, .get_eof = get_size,
                                        .read = on_read, .write = on_write,
                                        .fl_map = H5FD_FLMAP_SINGLE};
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t known = H5FDregister(&driver), access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = H5Pset_driver(access, known, &from) < 0 ? -1 : H5Fopen(from->url, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    H5FDunregister(known);
    return file;
}
