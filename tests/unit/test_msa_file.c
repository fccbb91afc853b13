/* SPDX-License-Identifier: MIT
 * formats/msa: one alignment in three formats, what is odd in files of others, and what is wrong. */
#include "formats/msa.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/mem.h"
#include "tests/unit/tap.h"

static const char a3m[] = "#A3M#\n>query x\nACDEF\n\n>one OX=9606 z\nA-dkDEF\n>two TaxID=10090\nacACD\r\nEF\n"
                          ">again\nacaC-DEF\n>three\nAC-EFwy\n";
static const char csv[] = "sequence,key\nACDEF,\nA-dkDEF,9606\n\"acACDEF\",10090.0\nacACDEF,5\nAC-EFwy,-1\n";
static const char sto[] = "# STOCKHOLM 1.0\n#=GF ID x\n#=GS one/1-7 OX 9606\n#=GS two DE mouse OX=10090\n\n"
                          "query     --A.C\none/1-7   ..A--\ntwo       AcA-c\nthree     --A-C\n#=GC RF   ..x.x\n\n"
                          "query     --DEF--\none/1-7   DKDEF..\ntwo       --DEF--\nthree     ---EFwy\n//\n";

static km_status read_bytes(const void *p, size_t n, const km_alignment_options *o, km_alignment **ret, km_err *err)
{
    FILE *f = tmpfile();
    fwrite(p, 1, n, f);
    rewind(f);
    km_status status = km_alignment_read_file(f, "test", o, ret, err);
    fclose(f);
    return status;
}

static const km_alignment_options plain = {0}, with_keys = {0, true};

static void test_same(const char *what, const char *text, size_t n, const km_alignment_options *o, int key1, int key2)
{
    km_alignment *a;
    km_err err = {0};
    static const int32_t deletions[] = {0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    if (!ok(read_bytes(text, n, o, &a, &err) == KM_OK, "%s is read %s", what, err.msg)) return;
    ok(a->n_rows == 4 && a->n_columns == 5, "%s: four rows of five columns, the repeated one left out", what);
    ok(!memcmp(a->letters, "ACDEFA-DEFACDEFAC-EF", 20), "%s: letters", what);
    ok(!memcmp(a->deletions, deletions, sizeof deletions), "%s: deletions", what);
    ok(a->keys[0] == -1 && a->keys[1] == key1 && a->keys[2] == key2 && a->keys[3] == -1, "%s: keys", what);
    km_alignment_free(a);
}

static size_t squeeze(const char *text, unsigned char *out, size_t size)
{
    z_stream z = {0};
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    z.next_in = (unsigned char *)text, z.avail_in = (unsigned)strlen(text);
    z.next_out = out, z.avail_out = (unsigned)size;
    int code = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return code == Z_STREAM_END ? size - z.avail_out : 0;
}

static void test_gzip(void)
{
    unsigned char packed[1024];
    km_alignment *a;
    km_err err;
    size_t n = squeeze(a3m, packed, sizeof packed);
    test_same("gzip", (const char *)packed, n, &with_keys, 9606, 10090);
    int missed = 0, crashed = 0;
    for (size_t k = 0; k < n; k++) missed += read_bytes(packed, k, &plain, &a, &err) != KM_INPUT;
    ok(missed == 0, "cut at each of %zu bytes it is refused", n);
    for (size_t k = 0; k < n * 8; k++) {
        packed[k / 8] ^= (unsigned char)(1 << k % 8);
        km_status status = read_bytes(packed, n, &plain, &a, &err);
        crashed += status != KM_OK && status != KM_INPUT;
        if (status == KM_OK) km_alignment_free(a);
        packed[k / 8] ^= (unsigned char)(1 << k % 8);
    }
    ok(crashed == 0, "with a flipped bit it is read or refused");
}

/* A cut text is refused, or has fewer rows or a query of fewer columns; Stockholm shows it always. */
static void test_cut(void)
{
    km_alignment *a;
    km_err err;
    int missed = 0;
    for (size_t k = 0; k + 2 < sizeof sto; k++) missed += read_bytes(sto, k, &plain, &a, &err) != KM_INPUT;
    ok(missed == 0, "Stockholm cut anywhere is refused");
    for (size_t k = 0; k < 40; k++) {
        km_status status = read_bytes(a3m, k, &plain, &a, &err);
        missed += status == KM_OK && (a->n_rows > 2 || a->n_columns > 5);
        if (status == KM_OK) km_alignment_free(a);
    }
    ok(missed == 0, "a3m cut in its first rows is refused or shorter");
}

static void refused(const char *text, const char *why)
{
    km_alignment *a;
    km_err err = {0};
    km_status status = read_bytes(text, strlen(text), &plain, &a, &err);
    ok(status == KM_INPUT && !a && strstr(err.msg, why) && !strncmp(err.msg, "test", 4), "%s", err.msg);
}

static void test_bad(void)
{
    refused("", "empty");
    refused("\n\n", "empty");
    refused("hello\n", "neither a3m");
    refused("#only a comment\n", "no sequence");
    refused("#x\nACD\n", "line 2: a sequence without a header");
    refused(">q\nACD\n>x\nAC\n", "sequence 2: 2 columns, the query has 3");
    refused(">q\nAC*\n", "sequence 1: a character that is no letter");
    refused(">q\nACD\n>x\nA1D\n", "sequence 2: a character");
    refused(">q\nabc\n", "a query of 0 columns");
    refused("name,sequence\n1,ACD\n", "line 1: not the two columns");
    refused("key,sequence,more\n1,ACD,2\n", "line 1: not the two columns");
    refused("key,sequence\n1,ACD\nx,ACD\n", "line 3: the key 'x'");
    refused("key,sequence\n1.5,ACD\n", "line 2: the key '1.5'");
    refused("key,sequence\n99999999999,ACD\n", "line 2: the key");
    refused("key,sequence\nnan,ACD\n", "line 2: the key");
    refused("key,sequence\nACD\n", "line 2: not two fields");
    refused("key,sequence\n", "no sequence");
    refused("# STOCKHOLM 1.0\nq ACD\nx AC\n//\n", "x has 2 columns, the first sequence 3");
    refused("# STOCKHOLM 1.0\nq\n//\n", "line 2: a name without a sequence");
    refused("# STOCKHOLM 1.0\n//\n", "no sequence");
    km_alignment *a;
    km_err err;
    ok(read_bytes(">q\nA\0CD\n", 9, &plain, &a, &err) == KM_INPUT && strstr(err.msg, "line 2: no text"), "%s", err.msg);
    ok(read_bytes(">q\nACD\0", 7, &plain, &a, &err) == KM_INPUT && strstr(err.msg, "no text"), "%s", err.msg);
    ok(km_alignment_read("tests/data", &plain, &a, &err) == KM_SYSTEM, "%s", err.msg);
    ok(km_alignment_read("tests/none", &plain, &a, &err) == KM_SYSTEM, "%s", err.msg);
}

/* Many rows, and rows beyond the most that are asked for. */
static void test_many(void)
{
    char *text = NULL;
    size_t n;
    km_alignment *a;
    km_err err;
    FILE *f = open_memstream(&text, &n);
    fputs(">q\nAAAAAA\n", f);
    for (int i = 0; i < 20000; i++) {
        fprintf(f, ">%d\n", i);
        for (int k = 0, v = i % 5000; k < 6; k++, v /= 5) fputc("ACDEF"[v % 5], f);
        fputc('\n', f);
    }
    fclose(f);
    ok(read_bytes(text, n, &plain, &a, &err) == KM_OK && a->n_rows == 5000, "of 20001 rows 5000 differ");
    km_alignment_free(a);
    ok(read_bytes(text, n, &(km_alignment_options){70}, &a, &err) == KM_OK && a->n_rows == 70 &&
           !memcmp(a->letters + 69 * 6, "FEDAAA", 6), "the first 70 of them");
    km_alignment_free(a);
    free(text);
}

int main(void)
{
    test_same("a3m", a3m, strlen(a3m), &plain, -1, -1);
    test_same("a3m with keys", a3m, strlen(a3m), &with_keys, 9606, 10090);
    test_same("csv", csv, strlen(csv), &plain, 9606, 10090);
    test_same("Stockholm", sto, strlen(sto), &plain, -1, -1);
    test_same("Stockholm with keys", sto, strlen(sto), &with_keys, 9606, 10090);
    test_gzip();
    test_cut();
    test_bad();
    test_many();
    return tap_end();
}
