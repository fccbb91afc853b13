/* SPDX-License-Identifier: MIT
 * The sets. Sizes and licences are as their publishers said in November 2026. */
#include <string.h>

#include "lib/fetch/impl.h"

const km_fetch_set km_fetch_sets[] = {
    {.name = "atlas", .what = "1,938 protein chains, 3 x 100 ns each", .size = "104 GB (protein tier 990 GB)",
     .license = "CC-BY-NC-4.0", .source = "https://www.dsimb.inserm.fr/ATLAS",
     .base = "https://www.dsimb.inserm.fr/ATLAS", .tiers = true, .in_all = true, .guesses = true,
     .list = km_fetch_atlas_list, .get = km_fetch_atlas_get},
    {0}};

const km_fetch_set *km_fetch_find(const char *name)
{
    for (const km_fetch_set *s = km_fetch_sets; s->name; s++)
        if (strcmp(s->name, name) == 0) return s;
    return NULL;
}
