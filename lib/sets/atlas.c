/* SPDX-License-Identifier: MIT
 * ATLAS (dsimb.inserm.fr/ATLAS): replicas R1 to R3 of one chain, without solvent; of a replica that is there fitted and
 * not, the fitted one. The chain's letter is in the id, 6okd_C; the PDB file has none. Its residues are numbered from
 * 1; ID_corresp.tsv has the numbers of the PDB entry beside them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/sets/sets_impl.h"

static void name_chains(km_structure *s, const char *id)
{
    const char *letter = strrchr(id, '_');
    for (int32_t c = 0; c < s->system->n_chains && letter && letter[1]; c++) {
        km_chain *h = &s->system->chains[c];
        if (h->name[0] && h->name[0] != ' ') continue;
        memset(h->name, 0, sizeof h->name);
        memcpy(h->name, letter + 1, strnlen(letter + 1, sizeof h->name - 1));
    }
}

enum { COLUMNS = 8 };

/* The columns of a line; returns how many. */
static int split(char *line, char *field[COLUMNS])
{
    int n = 0;
    for (char *p = strtok(line, "\t,; \r\n"); p && n < COLUMNS; p = strtok(NULL, "\t,; \r\n")) field[n++] = p;
    return n;
}

/* Which column counts from 1, and which other one has numbers too: none of the table's description is published. */
static bool find_columns(char *field[COLUMNS], int n, int *counts, int *numbers)
{
    *counts = *numbers = -1;
    for (int k = 0; k < n; k++)
        if (*counts < 0 && strcmp(field[k], "1") == 0) *counts = k;
    for (int k = 0; k < n; k++)
        if (k != *counts && *numbers < 0 && strspn(field[k], "-0123456789") > 0) *numbers = k;
    return *counts >= 0 && *numbers >= 0;
}

/* Lines "author's number, number from 1", in either order, for each of n residues; NULL: it is no such table. */
static char *read_numbers(FILE *f, int32_t n)
{
    char *line = NULL, *field[COLUMNS], *text = km_strdup("");
    size_t room = 0;
    int32_t done = 0;
    int counts = -1, numbers = -1;
    bool good = true;
    while (good && getline(&line, &room, f) > 0) {
        const int columns = split(line, field);
        if (done == 0 && !find_columns(field, columns, &counts, &numbers)) continue; /* a heading */
        good = columns > counts && columns > numbers;
        if (good && atoi(field[counts]) != done + 1) { /* both began with 1 */
            const int other = numbers;
            numbers = counts, counts = other;
            good = atoi(field[counts]) == done + 1;
        }
        char *longer = good ? km_asprintf("%s%s%s", text, done ? " " : "", field[numbers]) : text;
        if (good) free(text);
        text = longer;
        done += good;
    }
    free(line);
    if (good && done == n) return text;
    free(text);
    return NULL;
}

static void find_numbers(const km_set_call *c)
{
    char *named = km_asprintf("%s_corresp.tsv", c->to->name);
    const char *path = km_files_find(c->files, named);
    free(named);
    FILE *f = path ? fopen(path, "r") : NULL;
    if (!f) return;
    c->to->numbers = read_numbers(f, c->to->topology->system->n_residues);
    fclose(f);
    if (c->to->numbers) return;
    free(c->to->note);
    c->to->note = km_asprintf("%s: no numbers for each of %d residues: left out", km_files_name(path),
                              c->to->topology->system->n_residues);
}

/* 10 or 100 ps, by the clock. */
static km_status find_step(const char *path, int64_t *ret_dt, km_err *err)
{
    km_traj *t;
    KM_TRY(km_traj_open(path, &t, err));
    int64_t fs[2] = {0};
    float *x = km_alloc(12 * (size_t)km_traj_atoms(t));
    km_status status = KM_OK;
    for (int i = 0; i < 2 && status == KM_OK && km_traj_frames(t) > 1; i++)
        status = km_traj_read(t, i, x, &fs[i], NULL, err);
    free(x);
    km_traj_close(t);
    KM_TRY(status);
    *ret_dt = fs[1] - fs[0];
    if (*ret_dt == 10000 || *ret_dt == 100000) return KM_OK;
    return km_fail(err, KM_INPUT,
                   "%.120s: %g ps between frames: neither ATLAS' protein tier (10) nor its analysis tier "
                   "(100)",
                   path, (double)*ret_dt / 1000);
}

km_status km_set_atlas(const km_set_call *c, km_err *err)
{
    char *named = c->id ? km_asprintf("%s.pdb", c->id) : NULL;
    const char *pdb = km_files_find(c->files, named ? named : ".pdb");
    free(named);
    if (!pdb) return km_fail(err, KM_INPUT, "no %.40s.pdb among the files", c->id ? c->id : "");
    const char *file = km_files_name(pdb);
    c->to->name = km_asprintf("%.*s", (int)strlen(file) - 4, file);
    c->to->license = (free(c->to->license), km_strdup("CC-BY-NC-4.0"));
    KM_TRY(km_set_pdb(c, pdb, err));
    name_chains(c->to->topology, c->to->name);
    find_numbers(c);
    for (int replica = 1; replica <= 9; replica++) {
        char plain[16], fitted[16];
        snprintf(plain, sizeof plain, "_R%d.xtc", replica);
        snprintf(fitted, sizeof fitted, "_R%d_fit.xtc", replica);
        const char *path = km_files_find(c->files, fitted);
        if (!path) path = km_files_find(c->files, plain);
        int64_t dt;
        if (!path) continue;
        KM_TRY(find_step(path, &dt, err));
        km_set_trajectory *t = km_set_add(c->to, path, km_files_name(path), dt);
        t->force_field = km_strdup("CHARMM36m"), t->kelvin = 300;
    }
    return KM_OK;
}
