/* SPDX-License-Identifier: MIT */
#include "formats/smiles.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/plugin.h"

int km_smiles_embed(km_component *c)
{
    void *library = km_plugin_open("libkm-rdkit.so", false);
    km_rdkit_embed_fn *embed = NULL;
    *(void **)&embed = library ? dlsym(library, "km_rdkit_embed") : NULL;
    float *pos = KM_NEWN(float, 3 * (size_t)c->n_atoms);
    int done = embed && embed(c, pos);
    for (int i = 0; i < c->n_atoms && done; i++)
        memcpy(((km_component_atom *)c->atoms)[i].pos, pos + 3 * i, 3 * sizeof *pos);
    free(pos);
    return done;
}

km_status km_smiles_read(const char *smiles, km_component **ret, km_err *err)
{
    char why[160];
    void *library = km_plugin_open("libkm-rdkit.so", false);
    km_rdkit_component_fn *make = NULL;
    *(void **)&make = library ? dlsym(library, "km_rdkit_component") : NULL;
    if (!make)
        return km_fail(err, KM_SYSTEM,
                       "SMILES needs libkm-rdkit.so, which is not there: give a component's code (ccd), or an SDF "
                       "file (--ligand)");
    *ret = make(smiles, why, sizeof why);
    return *ret ? KM_OK : km_fail(err, KM_INPUT, "%s", why);
}
