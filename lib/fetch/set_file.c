/* SPDX-License-Identifier: MIT
 * Sets that are one file at a fixed address. */
#include <stdlib.h>

#include "lib/fetch/impl.h"

km_status km_fetch_single_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err)
{
    const km_fetch_single *one = f->set->data;
    (void)h, (void)ids, (void)err;
    km_fetch_add(f, one->name, one->name, one->about);
    return KM_OK;
}

static km_status check_gzip(const char *path, const void *arg, km_err *err)
{
    (void)arg;
    return km_fetch_verify_gzip(path, err);
}

km_status km_fetch_single_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                              km_err *err)
{
    char *url = km_asprintf("%s/%s", f->base, s->id);
    km_fetch_file file = {.url = url, .bytes = -1, .check = check_gzip, .origin = "gzip's checksum"};
    km_status status = km_fetch_bring(h, &file, to, record, err);
    free(url);
    return status;
}
