/* SPDX-License-Identifier: MIT */
#include "formats/trunk_h5.h"
#include "lib/train/data.h"

static km_status load(km_train_system *t, const km_model *m, const char *folder, km_err *err)
{
    char key[65];
    km_trunk_key(m, t->features, m->config.recycles, key);
    km_status got = km_trunk_h5_read(folder, key, (int32_t)t->features->N, &t->trunk, err);
    if (got < 0) return got;
    if (got == 0)
        return km_fail(err, KM_INPUT,
                       "%.50s: no result of the trunk in %.40s (%.12s): "
                       "'km-trunk --weights %.40s --cache %.40s %.40s' makes it",
                       t->path, folder, key, m->path ? m->path : m->name, folder, t->path);
    if (t->trunk->token_s == m->config.token_s && t->trunk->token_z == m->config.token_z) return KM_OK;
    return km_fail(err, KM_INPUT, "%.80s/%s.h5: of another model", folder, key);
}

km_status km_dataset_load_trunks(km_dataset *d, const km_model *m, const char *folder, km_err *err)
{
    for (int i = 0; i < d->count; i++)
        if (d->systems[i].features) KM_TRY(load(&d->systems[i], m, folder, err));
    return KM_OK;
}
