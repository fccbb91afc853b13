/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/chem/schema_impl.h"

#define NO_HEADER "line %zu: not a header >CHAIN|protein, dna, rna, ccd or smiles"

/* A header's fields: >CHAIN|KIND|MSA */
typedef struct header {
    char field[3][256];
    int n;
} header;

static bool split_header(const char *line, size_t n, header *h)
{
    *h = (header){.n = 1};
    size_t used = 0;
    for (size_t i = 0; i < n && line[i] != ' ' && line[i] != '\t' && line[i] != '\r'; i++) {
        if (line[i] == '|') {
            if (h->n++ == 3) return false;
            used = 0;
        } else {
            if (used + 1 == sizeof h->field[0]) return false;
            h->field[h->n - 1][used++] = line[i];
        }
    }
    return h->n >= 2 && h->field[0][0] && h->field[1][0];
}

static json_t *entry_of(const header *h, const char *sequence)
{
    static const char *const kinds[] = {"protein", "dna", "rna", "ccd", "smiles"};
    for (int k = 0; k < 5; k++) {
        if (strcasecmp(h->field[1], kinds[k]) != 0 || (k > 0 && h->field[2][0])) continue;
        json_t *body = json_pack("{s:s, s:s}", "id", h->field[0], k < 3 ? "sequence" : kinds[k], sequence);
        if (body && h->field[2][0]) json_object_set_new(body, "msa", json_string(h->field[2]));
        return body ? json_pack("{s:o}", k < 3 ? kinds[k] : "ligand", body) : NULL;
    }
    return NULL;
}

km_status km_schema_of_fasta(const char *text, size_t n, json_t **ret, km_err *err)
{
    json_t *sequences = json_array();
    char *letters = km_alloc(n + 1);
    size_t line_number = 0, at = 0;
    km_status status = KM_OK;
    while (at < n && status == KM_OK) {
        header h;
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at, used = 0, start = ++line_number;
        if (text[at] != '>' || !split_header(text + at + 1, length - 1, &h)) {
            status = km_fail(err, KM_INPUT, NO_HEADER, line_number);
            break;
        }
        for (at += length + (end != NULL); at < n && text[at] != '>'; at++) {
            line_number += text[at] == '\n';
            if (!strchr(" \t\r\n", text[at])) letters[used++] = text[at];
        }
        letters[used] = '\0';
        json_t *entry = entry_of(&h, letters);
        if (!entry || json_array_append_new(sequences, entry) < 0)
            status = km_fail(err, KM_INPUT, NO_HEADER, start);
    }
    free(letters);
    if (status < 0) json_decref(sequences);
    else *ret = json_pack("{s:o}", "sequences", sequences);
    return status;
}
