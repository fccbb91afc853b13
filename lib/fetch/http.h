/* SPDX-License-Identifier: MIT
 * Bytes over HTTP that arrive: asked for again with back-off when a server is busy, breaks off or says less than it
 * promised, and continued by range where the server can show that the file is still the same one.
 *
 * Final are the answers that asking again would not change (400, 403, 404, a certificate that is wrong); what may pass
 * (408, 425, 429, 5xx, resets, silence, short bodies) is tried again, no sooner than Retry-After says. Redirections are
 * followed, from https only to https, and the host that they lead to counts its connections as any. Names of hosts and
 * files in messages are the server's.
 * Tests: tests/cli/fetch.bats */
#ifndef LIB_FETCH_HTTP_H
#define LIB_FETCH_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

typedef struct km_http_options {
    const char *locks;   /* folder for what keeps all processes that share it to two connections a host */
    int tries;           /* so many in a row that bring nothing, and it is given up */
    int timeout;         /* seconds without a byte */
    void (*on_bytes)(void *arg, int64_t n); /* as they come; negative when some turn out useless. From any thread. */
    void *arg;
} km_http_options;

/* One connection, for one thread. The options are borrowed. Before the first: km_http_start, once. */
typedef struct km_http km_http;
void km_http_start(void);
km_http *km_http_new(const km_http_options *o);
void km_http_free(km_http *h);

/* What a server said of a file. */
typedef struct km_http_facts {
    int status;          /* 200, 404, ...; 0: no answer */
    int64_t total;       /* bytes of the whole file, -1: not said */
    int64_t first, n;    /* of a 206: which part of it; n of any: bytes of this answer, -1: not said */
    char etag[128], modified[64]; /* "": not said */
    char next[512];      /* Link: rel="next" */
} km_http_facts;

/* All below: KM_SYSTEM for what went wrong, KM_INTERRUPTED after a signal. opt_facts are of the last answer, filled on
 * a failure too. */

/* The answer as text in memory, at most `most` bytes, with a NUL behind it that does not count; free it. */
km_status km_http_get(km_http *h, const char *url, size_t most, char **ret, size_t *ret_n, km_http_facts *opt_facts,
                      km_err *err) KM_MUST_USE;
/* Bytes first to first + n - 1 of a file whose length is `total` (-1: any) into out. A server without ranges fails. */
km_status km_http_range(km_http *h, const char *url, int64_t first, int64_t n, int64_t total, void *out,
                        km_err *err) KM_MUST_USE;
/* Bring a file, or n bytes of it from `first` on (n < 0: all of it), to `part`, going on behind what is there of it.
 * What the server said lies beside it, in PART.json; what is there counts when that was the same address and range, and
 * the server still has the same ETag or date. On a failure both stay; when all is there PART.json goes. Whether the
 * bytes are the right ones, the caller finds out. */
km_status km_http_download(km_http *h, const char *part, const char *url, int64_t first, int64_t n,
                           km_http_facts *opt_facts, km_err *err) KM_MUST_USE;

#endif
