/* SPDX-License-Identifier: MIT
 * One request, for those that put requests together. */
#ifndef LIB_FETCH_HTTP_IMPL_H
#define LIB_FETCH_HTTP_IMPL_H

#include <jansson.h>

#include "lib/fetch/http.h"

typedef struct km_http_request {
    const char *url;
    int64_t first, n;         /* n 0: no range; n < 0: from first to the end */
    const char *opt_if_range; /* a validator */
    /* The bytes of a 200 or 206, the facts already known. false: it does not want more; it says why in `refused`, whose
     * code is KM_SYSTEM to try again, anything else to give up. */
    bool (*sink)(void *arg, const km_http_facts *facts, const void *p, size_t n);
    void *arg;
    km_err refused;
} km_http_request;

/* Asks once. 1: did not work, but may when tried again; err says what it was. */
km_status km_http_once(km_http *h, km_http_request *rq, km_http_facts *facts, km_err *err) KM_MUST_USE;
/* Waits before trying again; *tries counts those that brought nothing, brought says whether this one did. KM_SYSTEM
 * with err as it is: it was the last one. */
km_status km_http_wait(km_http *h, int *tries, bool brought, km_err *err) KM_MUST_USE;
void km_http_count(km_http *h, int64_t n); /* on_bytes */

/* Put value, which it takes, in place of what the file says; whoever is killed leaves the old or the new. */
km_status km_http_note(const char *path, json_t *value, km_err *err) KM_MUST_USE;

/* Take one of the places for connections to the host of this address, waiting for it; -1 where there are no locks.
 * Given back by close(). KM_SYSTEM: the folder cannot be written. */
km_status km_http_place(const char *locks, const char *url, int *ret_fd, km_err *err) KM_MUST_USE;

#endif
