/* SPDX-License-Identifier: MIT
 * DD-13M (arXiv 2504.18367): H5MD of unbinding beside a PDB file. Where the file has no times with a unit its frames
 * are 10 ps apart, which is of enhanced sampling and no physical time. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/sets/sets_impl.h"

km_status km_set_dd13m(const km_set_call *c, km_err *err)
{
    enum { STEP_FS = 10000 };
    char *named = c->id ? km_asprintf("%s.pdb", c->id) : NULL;
    const char *pdb = named ? km_files_find(c->files, named) : NULL;
    free(named);
    if (!pdb) pdb = km_files_find(c->files, ".pdb");
    if (!pdb) return km_fail(err, KM_INPUT, "no PDB file among the files");
    const char *file = km_files_name(pdb);
    c->to->name = c->id ? km_strdup(c->id) : km_asprintf("%.*s", (int)strlen(file) - 4, file);
    for (int i = 0; i < c->files->count; i++) {
        km_traj *t;
        const char *path = c->files->paths[i], *name = km_files_name(path);
        if (!km_ends_with(name, ".h5") && !km_ends_with(name, ".h5md") && !km_ends_with(name, ".hdf5")) continue;
        KM_TRY(km_traj_open(path, &t, err));
        const bool timed = km_traj_timed(t);
        free(c->to->note);
        c->to->note =
            km_asprintf("%s%s", km_traj_note(t), timed ? "" : ": 10 ps between frames assumed; time is biased");
        km_traj_close(t);
        km_set_add(c->to, path, name, timed ? 0 : STEP_FS);
    }
    return km_set_pdb(c, pdb, err);
}
