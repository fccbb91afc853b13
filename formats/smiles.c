/* SPDX-License-Identifier: MIT */
#include "formats/smiles.h"

#include <dlfcn.h>

#include "lib/base/plugin.h"

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
