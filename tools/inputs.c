/* SPDX-License-Identifier: MIT */
#include "tools/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* Adds what the input names for chains that have no file yet. Returns how many files there are. */
static int add_named(const km_schema *named, km_chain_file *files, int n)
{
    for (int i = 0; i < named->n_msa; i++) {
        bool given = strcmp(named->msa[i].path, "empty") == 0;
        for (int k = 0; k < n && !given; k++) given = strcmp(files[k].chain, named->msa[i].chain) == 0;
        if (!given) files[n++] = (km_chain_file){named->msa[i].chain, named->msa[i].path};
    }
    return n;
}

km_status km_inputs_msa(const km_system *s, const km_msa_inputs *in, const km_schema *opt_named, km_msa **ret,
                        km_err *err)
{
    int n = in->files.count, all = n;
    const km_msa_options o = {in->max_rows, in->taxonomy, !strcmp(in->deletions, "boltz2")};
    km_chain_file *files = KM_NEWN(km_chain_file, (size_t)(n + (opt_named ? opt_named->n_msa : 0)) + 1);
    char **texts = KM_NEWN(char *, (size_t)n + 1);
    km_status status = KM_OK;
    *ret = NULL;
    for (int i = 0; i < n && status == KM_OK; i++) {
        texts[i] = km_strdup(in->files.items[i]);
        char *equals = strchr(texts[i], '=');
        if (!equals || equals == texts[i] || !equals[1]) {
            status = km_fail(err, KM_USAGE, "option '--msa' '%.120s': expected CHAIN=FILE", in->files.items[i]);
            break;
        }
        *equals = 0;
        files[i] = (km_chain_file){texts[i], equals + 1};
    }
    if (status == KM_OK && opt_named) all = add_named(opt_named, files, n);
    if (status == KM_OK) status = km_chem_msa_read(s, files, all, &o, ret, err);
    for (int i = 0; i < n; i++) free(texts[i]);
    free(texts), free(files);
    return status;
}
