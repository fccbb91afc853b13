/* SPDX-License-Identifier: MIT
 * The sets. Sizes and licences are as their publishers said in November 2026. */
#include <string.h>

#include "lib/fetch/impl.h"

#define ZENODO(number_, ...)                                                                                           \
    .base = "https://zenodo.org", .source = "https://zenodo.org/records/" #number_, .list = km_fetch_zenodo_list,      \
    .get = km_fetch_zenodo_get, .data = &(const km_fetch_record){number_, {__VA_ARGS__}}
#define HUB(page, ...)                                                                                                 \
    .base = "https://huggingface.co", .source = "https://huggingface.co/" page, .list = km_fetch_hub_list,             \
    .get = km_fetch_hub_get, .data = &(const km_fetch_hub){__VA_ARGS__}

const km_fetch_set km_fetch_sets[] = {
    {.name = "atlas", .what = "1,938 protein chains, 3 x 100 ns each", .size = "104 or 990 GB",
     .license = "CC-BY-NC-4.0", .source = "https://www.dsimb.inserm.fr/ATLAS",
     .base = "https://www.dsimb.inserm.fr/ATLAS", .tiers = true, .in_all = true, .guesses = true,
     .list = km_fetch_atlas_list, .get = km_fetch_atlas_get},
    {.name = "cath2", .what = "1,040 domains, about 39 x 1 us each by adaptive sampling", .size = "27.7 GB",
     .license = "CDLA-Permissive-2.0", .in_all = true, ZENODO(15629740, "MSR_cath2.zip")},
    {.name = "cath1", .what = "50 domains, as cath2", .size = "2.1 GB", .license = "CDLA-Permissive-2.0",
     ZENODO(15629740, "ONE_cath1.zip")},
    {.name = "octapeptides", .what = "1,100 peptides of 8 residues, about 5 x 1 us each", .size = "0.5 GB",
     .license = "CDLA-Permissive-2.0", .in_all = true, ZENODO(15641199, "ONE_octapeptides.zip")},
    {.name = "megasim", .what = "271 small proteins and 21,458 mutants, 1 us each", .size = "9.7 GB",
     .license = "CDLA-Permissive-2.0", .in_all = true,
     ZENODO(15641184, "MSR_megasim_merge.zip", "MSR_megasim_mutants_disp_allatom.zip")},
    {.name = "misato", .what = "16,972 proteins with ligands, 8 ns each", .size = "143 GB", .license = "CC-BY-4.0",
     .source = "https://zenodo.org/records/7711953", .base = "https://zenodo.org", .in_all = true, .guesses = true,
     .list = km_fetch_misato_list, .get = km_fetch_misato_get},
    {.name = "mdposit", .what = "projects of the MDDB federation, their replicas", .size = "as listed",
     .license = "each project's own", .source = "https://mdposit.mddbr.eu",
     .base = "https://mdposit.mddbr.eu/api/rest/v1", .in_all = true, .list = km_fetch_mdposit_list,
     .get = km_fetch_mdposit_get},
    {.name = "dd13m", .what = "565 complexes, 26,612 dissociations (biased time)", .size = "204 GB",
     .license = "as the hub says", .in_all = true,
     HUB("datasets/SZBL-IDEA/MD", .kind = "datasets", .repository = "SZBL-IDEA/MD", .folder = "", .grouped = true)},
    {.name = "mdcath", .what = "5,398 domains at 5 temperatures, 5 x about 450 ns each", .size = "3 TB",
     .license = "CC-BY-4.0", .in_all = true,
     HUB("datasets/compsciencelab/mdCATH", .kind = "datasets", .repository = "compsciencelab/mdCATH", .folder = "data",
         .prefix = "mdcath_dataset_", .suffix = ".h5")},
    {.name = "ccd", .what = "the chemical component dictionary, for --ccd", .size = "0.1 GB", .license = "CC0-1.0",
     .source = "https://www.wwpdb.org/data/ccd", .base = "https://files.wwpdb.org/pub/pdb/data/monomers",
     .guesses = true, .list = km_fetch_single_list, .get = km_fetch_single_get,
     .data = &(const km_fetch_single){"components.cif.gz", 100000000}},
    {.name = "boltz2", .what = "weights of Boltz-2", .size = "2.3 GB", .license = "MIT",
     HUB("boltz-community/boltz-2", .kind = "models", .repository = "boltz-community/boltz-2", .folder = "",
         .prefix = "boltz2_conf", .suffix = ".ckpt", .whole_names = true)},
    {.name = "biokinema", .what = "weights of BioKinema", .size = "3 GB", .license = "as the hub says",
     HUB("fengb/BioKinema", .kind = "models", .repository = "fengb/BioKinema", .folder = "", .prefix = "BioKinema",
         .suffix = ".pt", .whole_names = true)},
    {0}};

const km_fetch_set *km_fetch_find(const char *name)
{
    for (const km_fetch_set *s = km_fetch_sets; s->name; s++)
        if (strcmp(s->name, name) == 0) return s;
    return NULL;
}
