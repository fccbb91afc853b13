/* SPDX-License-Identifier: MIT
 * Members of zip archives to files. libarchive reads the archive as a stream that begins at the member. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/io.h"
#include "lib/fetch/impl.h"

enum { BUFFER = 1 << 18 };

typedef struct source {
    int fd;
    off_t at;
    char buffer[BUFFER];
} source;

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
    source *s = arg;
    ssize_t n = pread(s->fd, s->buffer, BUFFER, s->at);
    if (n < 0) archive_set_error(a, errno, "%s", strerror(errno));
    else s->at += n;
    *ret = s->buffer;
    return n;
}

/* The member that the stream stands at, to fd. */
static km_status pour(struct archive *a, const km_zip_entry *e, int fd, km_err *err)
{
    char *buffer = km_alloc(BUFFER);
    uint64_t done = 0;
    uLong crc = crc32(0, NULL, 0);
    la_ssize_t n = 0;
    km_status status = KM_OK;
    while (status == KM_OK && (n = archive_read_data(a, buffer, BUFFER)) > 0) {
        done += (uint64_t)n;
        crc = crc32(crc, (const Bytef *)buffer, (uInt)n);
        if (done > e->size) break;
        if (!km_fetch_write(fd, buffer, (size_t)n)) status = km_fail(err, KM_SYSTEM, "%s", strerror(errno));
        if (km_interrupted()) status = km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    free(buffer);
    if (status != KM_OK) return status;
    if (n < 0 || done != e->size || (uint32_t)crc != e->crc)
        return km_fail(err, KM_INPUT, "member '%.80s' is damaged%s%.60s", e->name, n < 0 ? ": " : "",
                       n < 0 ? archive_error_string(a) : "");
    return KM_OK;
}

static km_status open_member(struct archive *a, source *s, const km_zip_entry *e, km_err *err)
{
    struct archive_entry *head;
    archive_read_support_format_zip_streamable(a);
    if (archive_read_open(a, s, NULL, on_read, NULL) != ARCHIVE_OK || archive_read_next_header(a, &head) < ARCHIVE_WARN)
        return km_fail(err, KM_INPUT, "member '%.80s': %.100s", e->name, archive_error_string(a));
    const char *name = archive_entry_pathname(head);
    if (!name || strcmp(name, e->name) != 0)
        return km_fail(err, KM_INPUT, "member '%.80s': not at byte %llu", e->name, (unsigned long long)e->offset);
    return KM_OK;
}

km_status km_fetch_unpack(int fd, int64_t shift, const km_zip_entry *e, const char *path, km_err *err)
{
    if (e->encrypted) return km_fail(err, KM_INPUT, "member '%.80s' is encrypted", e->name);
    source *s = km_alloc(sizeof *s);
    s->fd = fd;
    s->at = (off_t)((int64_t)e->offset - shift);
    int out = -1;
    struct archive *a = archive_read_new();
    km_status status = open_member(a, s, e, err);
    if (status == KM_OK) {
        out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (out < 0) status = km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", path, strerror(errno));
    }
    if (status == KM_OK && (status = pour(a, e, out, err)) == KM_SYSTEM) km_fail_in(err, path);
    if (out >= 0 && close(out) != 0 && status == KM_OK)
        status = km_fail(err, KM_SYSTEM, "%.150s: %s", path, strerror(errno));
    if (status != KM_OK && out >= 0) unlink(path);
    archive_read_free(a);
    free(s);
    return status;
}

bool km_fetch_is_member(const char *path, const km_zip_entry *e)
{
    struct stat sb;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return false;
    uLong crc = crc32(0, NULL, 0);
    bool same = fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && (uint64_t)sb.st_size == e->size;
    char *buffer = km_alloc(BUFFER);
    for (ssize_t n; same && (n = read(fd, buffer, BUFFER)) > 0;) crc = crc32(crc, (const Bytef *)buffer, (uInt)n);
    free(buffer);
    close(fd);
    return same && (uint32_t)crc == e->crc;
}

km_status km_fetch_directory(int fd, km_arena *arena, km_zip_entry **ret, uint64_t *ret_n, km_err *err)
{
    struct stat sb;
    km_zip_directory d;
    if (fstat(fd, &sb) != 0) return km_fail(err, KM_SYSTEM, "%s", strerror(errno));
    size_t n = sb.st_size < KM_ZIP_TAIL ? (size_t)sb.st_size : KM_ZIP_TAIL;
    uint8_t *tail = km_alloc(n), *bytes = NULL;
    km_status status = pread(fd, tail, n, sb.st_size - (off_t)n) == (ssize_t)n
                           ? km_zip_locate(tail, n, (uint64_t)sb.st_size, &d, err)
                           : km_fail(err, KM_SYSTEM, "%s", strerror(errno));
    free(tail);
    KM_TRY(status);
    bytes = km_alloc(d.size);
    status = pread(fd, bytes, d.size, (off_t)d.offset) == (ssize_t)d.size
                 ? km_zip_entries(bytes, &d, arena, ret, err)
                 : km_fail(err, KM_SYSTEM, "cannot be read");
    free(bytes);
    *ret_n = d.count;
    return status;
}
