/* SPDX-License-Identifier: MIT
 * A component dictionary: opened once it has an index, and a component looked up. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "formats/ccd.h"
#include "lib/base/mem.h"
#include "tools/bench.h"

enum { TIMES = 20, ATOMS = 20 };

static void write_component(FILE *f, int number)
{
    fprintf(f,
            "data_%05d\n_chem_comp.id %05d\n_chem_comp.type non-polymer\nloop_\n_chem_comp_atom.comp_id\n"
            "_chem_comp_atom.atom_id\n_chem_comp_atom.type_symbol\n_chem_comp_atom.charge\n"
            "_chem_comp_atom.pdbx_leaving_atom_flag\n_chem_comp_atom.pdbx_model_Cartn_x_ideal\n"
            "_chem_comp_atom.pdbx_model_Cartn_y_ideal\n_chem_comp_atom.pdbx_model_Cartn_z_ideal\n",
            number, number);
    for (int a = 1; a <= ATOMS; a++) fprintf(f, "%05d C%d C 0 N %d.500 0.000 %d.250\n", number, a, a, a % 3);
    fprintf(f, "loop_\n_chem_comp_bond.comp_id\n_chem_comp_bond.atom_id_1\n_chem_comp_bond.atom_id_2\n"
               "_chem_comp_bond.value_order\n_chem_comp_bond.pdbx_aromatic_flag\n");
    for (int a = 1; a < ATOMS; a++) fprintf(f, "%05d C%d C%d SING N\n", number, a, a + 1);
}

typedef struct lookup {
    const char *path;
    char name[16];
    km_status status;
    km_err *err;
} lookup;

static void look_up(void *arg)
{
    lookup *l = arg;
    km_ccd *d;
    km_component *c;
    if (l->status < 0) return;
    l->status = km_ccd_open(l->path, &d, l->err);
    if (l->status < 0) return;
    l->status = km_ccd_find(d, l->name, &c, l->err);
    if (l->status == 1) free(c);
    km_ccd_close(d);
}

static km_status write_dictionary(const char *path, int fd, int components, km_err *err)
{
    FILE *f = fdopen(fd, "w");
    if (!f) close(fd);
    for (int i = 0; f && i < components; i++) write_component(f, i);
    bool good = f && !ferror(f);
    if (f) good = fclose(f) == 0 && good;
    return good ? KM_OK : km_fail(err, KM_SYSTEM, "%s: cannot be written", path);
}

km_status km_bench_dictionary(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    const char *tmp = getenv("TMPDIR");
    char *path = km_asprintf("%s/km-bench-XXXXXX.cif", tmp && *tmp ? tmp : "/tmp"), *index;
    int fd = mkstemps(path, 4);
    if (fd < 0) {
        km_status status = km_fail(err, KM_SYSTEM, "cannot make a file for the dictionary: %.200s", path);
        free(path);
        return status;
    }
    index = km_asprintf("%s.kmi", path);
    lookup l = {.path = path, .err = err, .status = write_dictionary(path, fd, s->tokens, err)};
    snprintf(l.name, sizeof l.name, "%05d", s->tokens / 2);
    look_up(&l); /* makes the index */
    km_bench_best(TIMES, look_up, &l, ret);
    unlink(path), unlink(index);
    free(path), free(index);
    return l.status < 0 ? l.status : KM_OK;
}
