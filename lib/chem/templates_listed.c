/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/chem/templates.h"

/* One text or a list of texts under this key; *ret is the caller's, its texts are the list's. */
static km_status get_names(const json_t *map, const char *key, const char *const **ret, int *ret_n, km_err *err)
{
    const json_t *v = json_object_get(map, key);
    size_t n = json_is_array(v) ? json_array_size(v) : v != NULL;
    const char **names = KM_NEWN(const char *, n + 1);
    *ret = names;
    *ret_n = (int)n;
    for (size_t i = 0; i < n; i++) {
        names[i] = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
        if (!names[i]) return km_fail(err, KM_INPUT, "templates: %s is neither a name nor a list of names", key);
    }
    return KM_OK;
}

static km_status read_one(const json_t *map, const char *opt_folder, km_template_request *r, km_err *err)
{
    const char *path = json_string_value(json_object_get(map, "cif"));
    if (!path) path = json_string_value(json_object_get(map, "pdb"));
    if (!path) return km_fail(err, KM_INPUT, "templates: an entry without cif or pdb");
    r->path = opt_folder ? km_asprintf("%s/%s", opt_folder, path) : km_strdup(path);
    KM_TRY(get_names(map, "chain_id", &r->chains, &r->n_chains, err));
    return get_names(map, "template_id", &r->parts, &r->n_parts, err);
}

km_status km_chem_templates_listed(const km_system *s, const json_t *opt_list, const char *opt_folder, km_library *l,
                                   km_templates **ret, km_err *err)
{
    size_t n = json_array_size(opt_list);
    *ret = NULL;
    if (opt_list && !json_is_array(opt_list)) return km_fail(err, KM_INPUT, "templates: not a list");
    km_template_request *requests = KM_NEWN(km_template_request, n + 1);
    km_status status = KM_OK;
    for (size_t i = 0; i < n && status == KM_OK; i++)
        status = read_one(json_array_get(opt_list, i), opt_folder, &requests[i], err);
    if (status == KM_OK) status = km_chem_templates(s, requests, (int)n, l, ret, err);
    for (size_t i = 0; i < n; i++) {
        free((void *)requests[i].path), free((void *)requests[i].chains), free((void *)requests[i].parts);
    }
    free(requests);
    return status;
}
