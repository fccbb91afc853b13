/* SPDX-License-Identifier: MIT
 * lib/base: options, times and sizes, records. Programs' whole command lines are tested in tests/cli/options.bats. */
#include "tests/unit/tap.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/base/system.h"

static void test_times(void)
{
    static const struct { const char *text; int64_t fs; } good[] = {
        {"100fs", 100}, {"2ps", 2000}, {"0.5ns", 500000}, {"1us", 1000000000}, {"1ms", 1000000000000}, {"1.25ps", 1250}};
    static const char *const bad[] = {"", "5", "ns", "5 ns", "-5ns", "0ns", "5xs", "nan", "1e400ns", "0.0001fs", "infns", "5nss"};
    int64_t fs;
    char text[32];
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
        ok(km_parse_time(good[i].text, &fs, NULL) == KM_OK && fs == good[i].fs, "%s", good[i].text);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(km_parse_time(bad[i], &fs, NULL) == KM_USAGE, "'%s' is refused", bad[i]);
    km_format_time(5000000, text);
    ok(!strcmp(text, "5ns"), "5ns as text, not %s", text);
    km_format_time(250000, text);
    ok(!strcmp(text, "250ps"), "250ps as text, not %s", text);
    km_format_time(1234567, text);
    ok(km_parse_time(text, &fs, NULL) == KM_OK && fs == 1234567, "%s goes there and back", text);
    ok(km_parse_size("4G", &fs, NULL) == KM_OK && fs == 4ll << 30, "4G");
    ok(km_parse_size("4", &fs, NULL) == KM_USAGE && km_parse_size("-1G", &fs, NULL) == KM_USAGE, "sizes need a unit and no sign");
}

static void test_parsing(void)
{
    static int steps = 20;
    static int64_t dt;
    static const char *out;
    static bool force;
    static km_opt_range frames;
    static km_opt_list many;
    static const km_opt table[] = {{"steps", 0, KM_OPT_INT, &steps, "N", "", .min = 1, .max = 100},
                                   {"dt", 0, KM_OPT_TIME, &dt, "T", ""},
                                   {"output", 'o', KM_OPT_STRING, &out, "F", ""},
                                   {"force", 'f', KM_OPT_FLAG, &force, NULL, ""},
                                   {"frames", 0, KM_OPT_RANGE, &frames, "A:B", ""},
                                   {"many", 0, KM_OPT_LIST, &many, "X", ""},
                                   {0}};
    static const km_program program = {"km-test", "[options] [FILE]", "a test", table, 0, 2};
    char *argv[] = {"km-test", "--steps=7", "--dt", "5ns", "-fo", "x y", "a.km", "--frames", "2:", "--many=1", "--many", "2",
                    "--threads", "3", "--", "--force", NULL};
    km_cli cli;
    km_cli_start(&cli, &program, 16, argv);
    ok(steps == 7 && dt == 5000000 && force && !strcmp(out, "x y"), "long, short and joined options");
    ok(frames.set && frames.has_from && frames.from == 2 && !frames.has_to, "an open range");
    ok(many.count == 2 && !strcmp(many.items[1], "2"), "a repeated option");
    ok(cli.threads == 3 && cli.seed == 1 && !cli.seed_set, "common options and their defaults");
    ok(cli.n_operands == 2 && !strcmp(cli.operands[1], "--force"), "operands, also behind --");
    char *text = km_cli_arguments(&cli);
    ok(strstr(text, "'x y'") && !strncmp(text, "--steps=7 --dt 5ns", 18), "arguments as a shell would read them");
}

static void test_system(void)
{
    km_err err;
    km_system *s = km_system_new();
    s->n_atoms = s->n_residues = s->n_chains = 1;
    s->atoms = KM_NEW(km_atom), s->residues = KM_NEW(km_residue), s->chains = KM_NEW(km_chain);
    s->atoms[0] = (km_atom){.name = "CA", .element = 6};
    s->residues[0].n_atoms = s->chains[0].n_residues = 1;
    ok(km_system_check(s, &err) == KM_OK, "a sound system");
    km_system_add_provenance(s, &(km_provenance){.program = "km-test", .seed = 3});
    km_system *c = km_system_copy(s);
    ok(c->n_provenance == 1 && c->provenance[0].seed == 3 && !strcmp(c->atoms[0].name, "CA") && c->atoms != s->atoms, "a copy");
    s->atoms[0].residue = 1;
    ok(km_system_check(s, &err) == KM_INPUT && strstr(err.msg, "atom 0"), "a residue that is not there");
    s->atoms[0].residue = 0, s->residues[0].n_atoms = 2;
    ok(km_system_check(s, &err) == KM_INPUT && strstr(err.msg, "residue 0"), "atoms that are not there");
    s->residues[0].n_atoms = 1, s->chains[0].first_residue = 1;
    ok(km_system_check(s, &err) == KM_INPUT && strstr(err.msg, "chain 0"), "residues that are not there");
    ok(km_fs_of_ns(km_ns_of_fs(123456789)) == 123456789, "times go there and back");
    km_system_free(s), km_system_free(c);
}

int main(void)
{
    test_times();
    test_parsing();
    test_system();
    return tap_end();
}
