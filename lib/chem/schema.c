/* SPDX-License-Identifier: MIT */
#include "lib/chem/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "formats/yaml.h"
#include "lib/base/mem.h"
#include "lib/chem/residues.h"
#include "lib/chem/schema_impl.h"

/* One of `sequences`. */
typedef struct entry {
    const char *kind;   /* "protein", "dna", "rna", "ligand" */
    json_t *body;
    int mol_type, place; /* place in the list, from 1 */
    int32_t entity;     /* the number of the first entry of the same type and sequence */
} entry;

typedef struct reader {
    km_build to;
    km_library *library;
    km_schema *out;
    entry *entries;
    int n_entries;
    int32_t *entity; /* [C] of each chain built */
} reader;

static const char *text_of(const json_t *map, const char *key)
{
    const char *text = json_string_value(json_object_get(map, key));
    return text && *text ? text : NULL;
}

bool km_schema_int(const json_t *v, long low, long high, long *ret)
{
    const char *text = json_string_value(v);
    char *end;
    if (!text || !*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9) return false;
    *ret = strtol(text, &end, 10);
    return *ret >= low && *ret <= high;
}

bool km_schema_bool(const json_t *v, bool *ret)
{
    static const char *const words[] = {"false", "no", "off", "true", "yes", "on"};
    for (int i = 0; json_is_string(v) && i < 6; i++)
        if (!strcasecmp(json_string_value(v), words[i])) return *ret = i > 2, true;
    *ret = false;
    return !v;
}

static km_status entry_fail(const entry *e, km_err *err, const char *what)
{
    return km_fail(err, KM_INPUT, "sequence %d (%s): %s", e->place, e->kind, what);
}

static km_status check_keys(const json_t *map, const char *const *known, const char *where, km_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)map, key, v)
    {
        int i = 0;
        while (known[i] && strcmp(known[i], key) != 0) i++;
        if (!known[i]) return km_fail(err, KM_INPUT, "%s: '%.40s' is not supported", where, key);
    }
    return KM_OK;
}

/* -- what the list says */

static km_status read_entry(reader *r, int i, json_t *item, km_err *err)
{
    static const char *const kinds[] = {"protein", "dna", "rna", "ligand"};
    static const char *const keys[] = {"id", "sequence", "msa", "modifications", "cyclic", "ccd", "smiles", NULL};
    entry *e = &r->entries[i];
    char where[40];
    snprintf(where, sizeof where, "sequence %d", i + 1);
    if (!json_is_object(item) || json_object_size(item) != 1)
        return km_fail(err, KM_INPUT, "%s: not one of protein, dna, rna and ligand", where);
    const char *kind = json_object_iter_key(json_object_iter(item));
    for (int k = 0; k < 4; k++)
        if (strcasecmp(kind, kinds[k]) == 0) *e = (entry){kinds[k], json_object_get(item, kind), k, i + 1, i};
    if (!e->kind) return km_fail(err, KM_INPUT, "%s: '%.40s' is not one of protein, dna, rna and ligand", where, kind);
    if (!json_is_object(e->body)) return entry_fail(e, err, "empty");
    KM_TRY(check_keys(e->body, keys, where, err));
    bool ligand = e->mol_type == KM_NONPOLYMER, ring;
    bool sequence = json_object_get(e->body, "sequence"), ccd = json_object_get(e->body, "ccd");
    bool smiles = json_object_get(e->body, "smiles");
    if (ligand ? sequence || ccd == smiles : !sequence || ccd || smiles)
        return entry_fail(e, err, ligand ? "a ligand has a ccd or a smiles" : "a polymer has a sequence");
    if (!km_schema_bool(json_object_get(e->body, "cyclic"), &ring))
        return entry_fail(e, err, "cyclic is true or false");
    if (ligand && ring) return entry_fail(e, err, "a ligand cannot be cyclic");
    if (e->mol_type != KM_PROTEIN && text_of(e->body, "msa"))
        return entry_fail(e, err, "only proteins have an alignment");
    return KM_OK;
}

/* Entries of one type and sequence are copies, and must be so in all that is said of them. */
static km_status group_entries(reader *r, km_err *err)
{
    static const char *const same[] = {"modifications", "cyclic", "msa"};
    for (int i = 0; i < r->n_entries; i++) {
        entry *e = &r->entries[i];
        const char *ligand = json_object_get(e->body, "ccd") ? "ccd" : "smiles";
        const char *key = e->mol_type == KM_NONPOLYMER ? ligand : "sequence";
        for (int k = 0; k < i; k++) {
            const entry *f = &r->entries[k];
            if (f->mol_type != e->mol_type) continue;
            if (!json_equal(json_object_get(e->body, key), json_object_get(f->body, key))) continue;
            e->entity = f->entity;
            for (int s = 0; s < 3; s++) {
                json_t *x = json_object_get(e->body, same[s]), *y = json_object_get(f->body, same[s]);
                if (x && y ? json_equal(x, y) : x == y) continue;
                char what[80];
                snprintf(what, sizeof what, "the sequence of sequence %d, but other %s", k + 1, same[s]);
                return entry_fail(e, err, what);
            }
            break;
        }
    }
    return KM_OK;
}

/* -- what it becomes */

/* A component that cannot be had, in the words of whoever looked for it. */
static km_status component_fail(const entry *e, const km_err *why, km_err *err)
{
    return km_fail(err, why->code, "sequence %d (%s): %s", e->place, e->kind, why->msg);
}

static km_status add_residue(reader *r, const entry *e, const char *code, int32_t index, km_err *err)
{
    const km_component *c;
    km_err why;
    bool polymer = e->mol_type != KM_NONPOLYMER;
    km_status status = polymer ? km_library_residue(r->library, strcmp(code, "MSE") ? code : "MET", &c, &why)
                               : km_library_molecule(r->library, code, &c, &why);
    if (status < 0) return component_fail(e, &why, err);
    if (polymer && c->standard && c->mol_type != e->mol_type)
        return entry_fail(e, err, "a modification that is a residue of another kind of polymer");
    const km_residue like = {.index = index, .number = index + 1};
    km_build_residue(&r->to, c, &like, NULL, false);
    return KM_OK;
}

/* A letter's component; what is no letter of this polymer is its unknown residue. */
static const char *code_of(char letter, int mol_type)
{
    static const char *const unknown[] = {"UNK", "DN", "N"};
    const km_component *c = km_chem_component_of_letter(letter, mol_type);
    return c ? c->name : unknown[mol_type];
}

static km_status add_polymer(reader *r, const entry *e, km_err *err)
{
    const char *sequence = text_of(e->body, "sequence");
    const json_t *changes = json_object_get(e->body, "modifications"), *change;
    size_t n = sequence ? strlen(sequence) : 0, i;
    char what[64];
    if (n == 0 || n > 100000) return entry_fail(e, err, "a sequence of 1 to 100000 letters is needed");
    if (changes && !json_is_array(changes) && json_string_length(changes) > 0)
        return entry_fail(e, err, "modifications are a list");
    for (i = 0; i < n; i++)
        if (sequence[i] < 'A' || sequence[i] > 'Z') {
            snprintf(what, sizeof what, "character %zu of the sequence is no capital letter", i + 1);
            return entry_fail(e, err, what);
        }
    const char **codes = KM_NEWN(const char *, n);
    km_status status = KM_OK;
    for (i = 0; i < n; i++) codes[i] = code_of(sequence[i], e->mol_type);
    json_array_foreach((json_t *)changes, i, change)
    {
        long position;
        const char *code = text_of(change, "ccd");
        if (!code || !km_schema_int(json_object_get(change, "position"), 1, (long)n, &position))
            status = entry_fail(e, err, "a modification has a ccd and a position within the sequence");
        else codes[position - 1] = code;
        if (status < 0) break;
    }
    for (i = 0; i < n && status == KM_OK; i++) status = add_residue(r, e, codes[i], (int32_t)i, err);
    free(codes);
    return status;
}

static km_status add_ligand(reader *r, const entry *e, km_err *err)
{
    const km_chain *chain = &r->to.s->chains[r->to.s->n_chains - 1];
    const km_component *whole = km_library_drawn(r->library, chain->name, true);
    const char *smiles = text_of(e->body, "smiles");
    km_err why;
    if (whole && whole->unplaced)
        return entry_fail(e, err, "its ligand is drawn flat: coordinates in space are needed");
    if (!whole && smiles && km_library_smiles(r->library, smiles, &whole, &why) < 0)
        return component_fail(e, &why, err);
    if (whole) {
        const km_residue like = {.number = 1};
        return km_build_residue(&r->to, whole, &like, NULL, false), KM_OK;
    }
    const json_t *codes = json_object_get(e->body, "ccd"), *code;
    size_t i;
    if (json_is_string(codes)) return add_residue(r, e, json_string_value(codes), 0, err);
    if (json_array_size(codes) == 0) return entry_fail(e, err, "ccd is a code or a list of codes, smiles a text");
    json_array_foreach((json_t *)codes, i, code)
    {
        if (!json_is_string(code)) return entry_fail(e, err, "ccd is a code or a list of codes");
        KM_TRY(add_residue(r, e, json_string_value(code), (int32_t)i, err));
    }
    return KM_OK;
}

static void link_polymer(reader *r, km_chain *c, bool ring)
{
    bool protein = c->mol_type == KM_PROTEIN;
    for (int32_t i = 0; i < c->n_residues; i++) {
        int32_t next = i + 1 < c->n_residues ? i + 1 : 0;
        if (next == 0 && (!ring || c->n_residues < 3)) continue;
        int32_t x = km_build_atom(&r->to, c->first_residue + i, protein ? "C" : "O3'");
        int32_t y = km_build_atom(&r->to, c->first_residue + next, protein ? "N" : "P");
        if (x >= 0 && y >= 0) km_build_link(&r->to, x, y);
    }
    if (ring) c->cyclic_period = c->n_residues;
}

km_chain *km_schema_chain(const km_build *b, const char *name)
{
    for (int32_t i = 0; name && i < b->s->n_chains; i++)
        if (strcmp(b->s->chains[i].name, name) == 0) return &b->s->chains[i];
    return NULL;
}

static void note_msa(km_schema *out, const char *chain, const char *path)
{
    out->msa = km_realloc(out->msa, (size_t)(out->n_msa + 1) * sizeof *out->msa);
    out->msa[out->n_msa++] = (km_schema_msa){km_strdup(chain), km_strdup(path)};
}

static km_status add_chain(reader *r, const entry *e, const json_t *id, km_err *err)
{
    const char *name = json_string_value(id), *msa = text_of(e->body, "msa");
    bool ring;
    if (!name || !*name || strlen(name) >= sizeof(km_name))
        return entry_fail(e, err, "an id has 1 to 7 characters");
    if (km_schema_chain(&r->to, name)) return entry_fail(e, err, "an id that another chain has");
    int32_t n = r->to.s->n_chains;
    r->entity = km_realloc(r->entity, (size_t)(n + 1) * sizeof *r->entity);
    r->entity[n] = e->entity;
    km_build_chain(&r->to, name, e->mol_type);
    KM_TRY(e->mol_type == KM_NONPOLYMER ? add_ligand(r, e, err) : add_polymer(r, e, err));
    km_schema_bool(json_object_get(e->body, "cyclic"), &ring);
    if (e->mol_type != KM_NONPOLYMER) link_polymer(r, &r->to.s->chains[n], ring);
    if (msa) note_msa(r->out, name, msa);
    return KM_OK;
}

static km_status add_chains(reader *r, const entry *e, km_err *err)
{
    const json_t *ids = json_object_get(e->body, "id"), *id;
    size_t i;
    if (!json_is_array(ids)) return add_chain(r, e, ids, err);
    if (json_array_size(ids) == 0) return entry_fail(e, err, "an id is needed");
    json_array_foreach((json_t *)ids, i, id) KM_TRY(add_chain(r, e, id, err));
    return KM_OK;
}

/* The one property that there is, an affinity, changes nothing that is made here. */
static km_status read_properties(reader *r, const json_t *list, km_err *err)
{
    const json_t *item;
    size_t i;
    if (list && !json_is_array(list)) return km_fail(err, KM_INPUT, "properties are a list");
    json_array_foreach((json_t *)list, i, item)
    {
        const json_t *affinity = json_object_get(item, "affinity");
        const km_chain *binder = km_schema_chain(&r->to, text_of(affinity, "binder"));
        if (json_object_size(item) != 1 || !binder || binder->mol_type != KM_NONPOLYMER)
            return km_fail(err, KM_INPUT, "property %zu: not an affinity with a binder, the chain of a ligand", i + 1);
        r->out->affinity = true;
    }
    return KM_OK;
}

/* What of templates is not read with their files (km_chem_templates_listed). Boltz-2 wants a threshold to force one. */
static km_status check_templates(reader *r, const json_t *list, km_err *err)
{
    static const char *const keys[] = {"cif", "pdb", "chain_id", "template_id", "force", "threshold", NULL};
    const json_t *item;
    size_t i;
    if (list && !json_is_array(list)) return km_fail(err, KM_INPUT, "templates are a list");
    json_array_foreach((json_t *)list, i, item)
    {
        char where[32];
        bool force;
        snprintf(where, sizeof where, "template %zu", i + 1);
        KM_TRY(check_keys(item, keys, where, err));
        if (!km_schema_bool(json_object_get(item, "force"), &force))
            return km_fail(err, KM_INPUT, "%s: force is true or false", where);
        if (force && !json_object_get(item, "threshold"))
            return km_fail(err, KM_INPUT, "%s: force needs a threshold", where);
        r->out->forced = r->out->forced || force;
    }
    return KM_OK;
}

static km_status read_document(reader *r, const json_t *document, km_err *err)
{
    static const char *const keys[] = {"version", "sequences", "constraints", "templates", "properties", NULL};
    long version;
    if (!json_is_object(document)) return km_fail(err, KM_INPUT, "no `sequences:` found");
    KM_TRY(check_keys(document, keys, "the input", err));
    const json_t *list = json_object_get(document, "sequences"), *said = json_object_get(document, "version");
    json_t *templates = json_object_get(document, "templates");
    if (said && !km_schema_int(said, 1, 1, &version)) return km_fail(err, KM_INPUT, "version: only 1 is known");
    if (json_array_size(list) == 0) return km_fail(err, KM_INPUT, "no `sequences:` found");
    r->n_entries = (int)json_array_size(list);
    r->entries = KM_NEWN(entry, (size_t)r->n_entries);
    for (int i = 0; i < r->n_entries; i++) KM_TRY(read_entry(r, i, json_array_get(list, (size_t)i), err));
    KM_TRY(group_entries(r, err));
    for (int first = 0; first < r->n_entries; first++)
        for (int i = first; i < r->n_entries; i++)
            if (r->entries[i].entity == first) KM_TRY(add_chains(r, &r->entries[i], err));
    KM_TRY(km_schema_constrain(&r->to, json_object_get(document, "constraints"), &r->out->forced, err));
    KM_TRY(read_properties(r, json_object_get(document, "properties"), err));
    KM_TRY(check_templates(r, templates, err));
    KM_TRY(km_library_check_used(r->library, NULL, err));
    km_build_finish(&r->to, r->entity);
    if (json_array_size(templates)) r->out->templates = json_incref(templates);
    return km_system_check(r->to.s, err);
}

bool km_schema_is(const char *text, size_t n)
{
    static const char *const words[] = {"sequences", "version", "constraints", "templates", "properties"};
    for (size_t at = 0; at < n;) {
        while (at < n && strchr(" \t\r\n", text[at])) at++;
        if (at == n) return false;
        size_t line = 0;
        while (at + line < n && text[at + line] != '\n') line++;
        if (text[at] == '>' || text[at] == '{') return true;
        for (int i = 0; i < 5; i++) {
            size_t k = strlen(words[i]);
            if (line > k && strncmp(text + at, words[i], k) == 0 && text[at + k] == ':') return true;
        }
        if (text[at] != '#' && strncmp(text + at, "---", 3) != 0) return false;
        at += line;
    }
    return false;
}

km_status km_schema_read(const char *text, size_t n, const char *name, km_library *l, km_schema *ret, km_err *err)
{
    json_t *document = NULL;
    size_t blanks = 0;
    *ret = (km_schema){0};
    while (blanks < n && strchr(" \t\r\n", text[blanks])) blanks++;
    bool fasta = blanks < n && text[blanks] == '>';
    const char *stem = strrchr(name, '/') ? strrchr(name, '/') + 1 : name, *dot = strrchr(stem, '.');
    char *title = km_strdup(stem);
    if (dot && dot > stem) title[dot - stem] = '\0';
    reader r = {.to = km_build_start(title), .library = l, .out = ret};
    free(title);
    km_status status = fasta ? km_schema_of_fasta(text + blanks, n - blanks, &document, err)
                             : km_yaml_parse(text, n, &document, err);
    if (status == KM_OK) status = read_document(&r, document, err);
    json_decref(document);
    free(r.entries), free(r.entity), free(r.to.source);
    ret->system = r.to.s;
    if (status == KM_OK) return KM_OK;
    km_schema_clear(ret);
    return err ? km_fail_in(err, name) : status;
}

void km_schema_clear(km_schema *s)
{
    km_system_free(s->system);
    for (int i = 0; i < s->n_msa; i++) free(s->msa[i].chain), free(s->msa[i].path);
    free(s->msa);
    json_decref(s->templates);
    *s = (km_schema){0};
}
