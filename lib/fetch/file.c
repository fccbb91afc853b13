/* SPDX-License-Identifier: MIT
 * Files: verified, noted, given their names. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/io.h"
#include "lib/fetch/http_impl.h"
#include "lib/fetch/impl.h"

enum { BUFFER = 1 << 18 };

/* -- digests */

static km_status digest_file(int fd, const EVP_MD *kind, const char *prefix, size_t n_prefix, char hex[129],
                             km_err *err)
{
    unsigned char sum[EVP_MAX_MD_SIZE], *buffer = km_alloc(BUFFER);
    unsigned n = 0;
    ssize_t got = 0;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = c && EVP_DigestInit_ex(c, kind, NULL) && EVP_DigestUpdate(c, prefix, n_prefix);
    while (good && !km_interrupted() && (got = read(fd, buffer, BUFFER)) > 0)
        good = EVP_DigestUpdate(c, buffer, (size_t)got);
    good = good && EVP_DigestFinal_ex(c, sum, &n);
    EVP_MD_CTX_free(c);
    free(buffer);
    if (km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted");
    if (got < 0) return km_fail(err, KM_SYSTEM, "%s", strerror(errno));
    if (!good) return km_fail(err, KM_SYSTEM, "this build of OpenSSL has no %s", EVP_MD_get0_name(kind));
    for (unsigned i = 0; i < n; i++) snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return KM_OK;
}

km_status km_fetch_verify(const char *path, const char *digest, km_err *err)
{
    static const struct {
        const char *name;
        const EVP_MD *(*kind)(void);
    } kinds[] = {{"md5:", EVP_md5}, {"sha256:", EVP_sha256}, {"git:", EVP_sha1}, {NULL, NULL}};
    char hex[129], prefix[40];
    struct stat sb;
    int k = 0;
    if (!digest) return KM_OK;
    while (kinds[k].name && strncmp(digest, kinds[k].name, strlen(kinds[k].name)) != 0) k++;
    if (!kinds[k].name) return km_fail(err, KM_SYSTEM, "a digest of an unknown kind: %.60s", digest);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &sb) != 0) {
        if (fd >= 0) close(fd);
        return km_fail(err, KM_SYSTEM, "cannot read '%.150s': %s", path, strerror(errno));
    }
    int n = 0;
    if (strcmp(kinds[k].name, "git:") == 0)
        n = snprintf(prefix, sizeof prefix, "blob %lld", (long long)sb.st_size) + 1; /* its NUL included */
    km_status status = digest_file(fd, kinds[k].kind(), prefix, (size_t)n, hex, err);
    close(fd);
    KM_TRY(status);
    if (strcasecmp(hex, digest + strlen(kinds[k].name)) == 0) return KM_OK;
    return km_fail(err, KM_INPUT, "its digest is %.*s%.16s..., the publisher's %.24s...", (int)strlen(kinds[k].name),
                   digest, hex, digest);
}

km_status km_fetch_verify_gzip(const char *path, km_err *err)
{
    gzFile f = gzopen(path, "rb");
    if (!f) return km_fail(err, KM_SYSTEM, "cannot read '%.150s': %s", path, strerror(errno));
    char *buffer = km_alloc(BUFFER);
    int got;
    while ((got = gzread(f, buffer, BUFFER)) > 0) {
    }
    bool plain = gzdirect(f), whole = got == 0 && gzclose(f) == Z_OK;
    if (got < 0) gzclose(f);
    free(buffer);
    return whole && !plain ? KM_OK : km_fail(err, KM_INPUT, "damaged or truncated gzip");
}

/* -- a file, from its address to its name */

bool km_fetch_write(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

void km_fetch_note(json_t *record, const char *name, const char *url, int64_t bytes, const char *opt_digest,
                   const char *origin)
{
    json_t *files = json_object_get(record, "files");
    if (!files) json_object_set_new(record, "files", files = json_array());
    json_array_append_new(files, json_pack("{s:s, s:s, s:I, s:s?, s:s}", "name", name, "url", url, "bytes",
                                           (json_int_t)bytes, "digest", opt_digest, "verified", origin));
}

/* Is what was brought what the publisher says? KM_INPUT: no. */
static km_status check(const km_fetch_file *file, const char *part, int64_t *ret_bytes, km_err *err)
{
    struct stat sb;
    if (stat(part, &sb) != 0) return km_fail(err, KM_SYSTEM, "%.150s: %s", part, strerror(errno));
    *ret_bytes = sb.st_size;
    if (file->bytes >= 0 && sb.st_size != file->bytes)
        return km_fail(err, KM_INPUT, "%lld bytes, the publisher says %lld", (long long)sb.st_size,
                       (long long)file->bytes);
    KM_TRY(km_fetch_verify(part, file->digest, err));
    return file->check ? file->check(part, file->arg, err) : KM_OK;
}

km_status km_fetch_name(const char *part, const char *to, const char *url, const char *opt_digest, const char *origin,
                        json_t *record, km_err *err)
{
    struct stat sb;
    if (stat(part, &sb) != 0 || rename(part, to) != 0)
        return km_fail(err, KM_SYSTEM, "%.150s: %s", to, strerror(errno));
    const char *name = strrchr(to, '/');
    km_fetch_note(record, name ? name + 1 : to, url, sb.st_size, opt_digest, origin);
    return KM_OK;
}

km_status km_fetch_bring(km_http *h, const km_fetch_file *file, const char *to, json_t *record, km_err *err)
{
    char *part = km_asprintf("%s.part", to);
    int64_t bytes = 0;
    km_status status = KM_OK;
    for (int tries = 0; tries < 2; tries++) { /* spoiled: from the beginning, once */
        status = km_http_download(h, part, file->url, 0, -1, NULL, err);
        if (status == KM_OK) status = check(file, part, &bytes, err);
        if (status != KM_INPUT) break;
        km_http_count(h, -bytes);
        unlink(part);
    }
    if (status == KM_INPUT) {
        km_fail_in(err, file->url);
        status = err->code = KM_SYSTEM;
    }
    if (status == KM_OK) status = km_fetch_name(part, to, file->url, file->digest, file->origin, record, err);
    free(part);
    return status;
}

/* -- folders */

km_status km_fetch_make_folders(const char *path, km_err *err)
{
    char *p = km_strdup(path);
    km_status status = KM_OK;
    for (char *c = p + 1; status == KM_OK && *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        if (mkdir(p, 0777) != 0 && errno != EEXIST)
            status = km_fail(err, KM_SYSTEM, "cannot make the folder '%.150s': %s", p, strerror(errno));
        *c = '/';
    }
    free(p);
    return status;
}

int64_t km_fetch_room(const char *dir)
{
    struct statvfs v;
    return statvfs(dir, &v) == 0 ? (int64_t)v.f_bavail * (int64_t)v.f_frsize : INT64_MAX;
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *at)
{
    (void)sb, (void)type, (void)at;
    return remove(path);
}

km_status km_fetch_remove(const char *dir, km_err *err)
{
    if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) return KM_OK;
    return km_fail(err, KM_SYSTEM, "cannot remove '%.150s': %s", dir, strerror(errno));
}
