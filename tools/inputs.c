/* SPDX-License-Identifier: MIT */
#include "tools/inputs.h"

#include <stdio.h>
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
    const km_msa_options o = {in->max_rows, in->taxonomy, !strcmp(in->deletions, "boltz2"), in->protenix};
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

/* An entry as a YAML input has it. */
static km_status read_template(const char *text, json_t *list, km_err *err)
{
    json_t *entry = json_object(), *chains = json_array(), *parts = json_array();
    size_t n = strcspn(text, "=/");
    const char *path = text[n] == '=' ? text + n + 1 : text;
    char *names = km_asprintf("%.*s", path == text ? 0 : (int)n, text), *rest = names, *name;
    while ((name = strsep(&rest, ","))) {
        char *part = strchr(name, ':');
        if (part) *part++ = 0;
        if (*name) json_array_append_new(chains, json_string(name));
        if (part && *part) json_array_append_new(parts, json_string(part));
    }
    bool good = *path && (path == text || json_array_size(chains)) &&
                (!json_array_size(parts) || json_array_size(parts) == json_array_size(chains));
    free(names);
    json_object_set_new(entry, "cif", json_string(path));
    if (json_array_size(chains)) json_object_set(entry, "chain_id", chains);
    if (json_array_size(parts)) json_object_set(entry, "template_id", parts);
    json_decref(chains), json_decref(parts);
    json_array_append_new(list, entry);
    return good ? KM_OK
                : km_fail(err, KM_USAGE, "option '--template' '%.120s': expected FILE, A,B=FILE or A:X,B:Y=FILE", text);
}

km_status km_inputs_templates(const km_system *s, const km_opt_list *files, const km_schema *opt_named, km_library *l,
                              km_templates **ret, km_err *err)
{
    json_t *list = json_array();
    km_status status = KM_OK;
    *ret = NULL;
    for (int i = 0; i < files->count && status == KM_OK; i++) status = read_template(files->items[i], list, err);
    if (opt_named && opt_named->templates) json_array_extend(list, opt_named->templates);
    if (status == KM_OK) status = km_chem_templates_listed(s, list, NULL, l, ret, err);
    json_decref(list);
    return status;
}

km_status km_inputs_ligands(km_library *l, const km_opt_list *files, km_err *err)
{
    km_status status = KM_OK;
    for (int i = 0; i < files->count && status == KM_OK; i++) {
        char *chain = km_strdup(files->items[i]), *equals = strchr(chain, '=');
        if (equals && equals > chain && equals[1]) {
            *equals = '\0';
            status = km_library_draw(l, chain, equals + 1, err);
        } else status = km_fail(err, KM_USAGE, "option '--ligand' '%.120s': expected CHAIN=FILE", files->items[i]);
        free(chain);
    }
    return status;
}

km_status km_inputs_family(const char *name, const char *opt_missing, const char *opt_unresolved,
                           const km_family **ret, km_err *err)
{
    *ret = km_family_find(name);
    bool asked = (opt_missing && strcmp(opt_missing, "drop")) || (opt_unresolved && strcmp(opt_unresolved, "drop"));
    if (!(*ret)->protenix_tokens || !asked) return KM_OK;
    return km_fail(err, KM_USAGE, "--missing and --unresolved: the family %s has the atoms of the file alone", name);
}

km_status km_inputs_tokenize(const km_family *family, const km_structure *raw, const km_token_options *options,
                             uint64_t seed, km_tokenized *ret, km_err *err)
{
    if (!family->protenix_tokens) return km_chem_tokenize(raw, options, ret, err);
    KM_TRY(km_chem_tokenize_protenix(raw, options, seed, ret, err));
    snprintf(ret->system->family, sizeof ret->system->family, "%s", family->name);
    return KM_OK;
}

void km_inputs_add_provenance(const km_cli *cli, km_system *s)
{
    if (cli->no_provenance) return;
    char *arguments = km_cli_arguments(cli);
    km_system_add_provenance(
        s, &(km_provenance){(char *)cli->program->name, KM_VERSION, arguments, cli->seed});
    free(arguments);
}
