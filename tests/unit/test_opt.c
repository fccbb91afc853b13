/* SPDX-License-Identifier: MIT
 * lib/base: options, times and sizes, records. Programs' whole command lines are tested in tests/cli/options.bats. */
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/base/system.h"

static void test_times(void)
{
    static const struct { const char *text; int64_t fs;
    } good[] = {{"100fs", 100},      {"2ps", 2000},          {"0.5ns", 500000},
                {"1us", 1000000000}, {"1ms", 1000000000000}, {"1.25ps", 1250}};
    static const char *const bad[] = {"",    "5",       "ns",       "5 ns",  "-5ns", "0ns",    "5xs",
                                      "nan", "1e400ns", "0.0001fs", "infns", "5nss", "0x10ns", "1..5ns"};
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
    ok(km_parse_size("4", &fs, NULL) == KM_USAGE && km_parse_size("-1G", &fs, NULL) == KM_USAGE,
       "sizes need a unit and no sign");
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
    char *argv[] = {"km-test",  "--steps=7", "--dt", "5ns",       "-fo", "x y", "a.km",    "--frames", "2:",
                    "--many=1", "--many",    "2",    "--threads", "3",   "--",  "--force", NULL};
    km_cli cli;
    km_cli_start(&cli, &program, 16, argv);
    ok(steps == 7 && dt == 5000000 && force && !strcmp(out, "x y"), "long, short and joined options");
    ok(frames.set && frames.has_from && frames.from == 2 && !frames.has_to, "an open range");
    ok(many.count == 2 && !strcmp(many.items[1], "2"), "a repeated option");
    ok(cli.threads == 3 && cli.seed == 1 && !cli.seed_set, "common options and their defaults");
    ok(cli.n_operands == 2 && !strcmp(cli.operands[1], "--force"), "operands, also behind --");
    char *text = km_cli_arguments(&cli);
    ok(strstr(text, "'x y'") && !strncmp(text, "--steps=7 --dt 5ns", 18), "arguments as a shell would read them");
    ok(km_opt_given(&table[0]) && km_opt_given(&table[3]) && km_opt_given(&table[5]),
       "which options were given is known");
    steps = 20, force = false, out = "";
    km_cli_recall(&cli, "--steps 8 -o 'a'\\''b c' x.km", "F");
    ok(steps == 8 && !force && !strcmp(out, "a'b c") && dt == 5000000, "a recorded command line is read over it");
    ok(cli.n_operands == 2 && cli.threads == 3, "without a trace on the program's own");
    int seven = 7;
    const char *same = "a'b c";
    ok(!km_opt_same(&table[0], &steps, &seven) && km_opt_same(&table[2], &out, &same) &&
           !km_opt_same(&table[2], &out, &(const char *){NULL}),
       "values are compared");
    free(text), free(cli.operands);
}

static void test_arguments(void)
{
    static const char *const words[] = {"", "a b", "it's", "'", "''", "\\", "--x='1 2'", "\n\t", "-o", "\"$HOME\""};
    enum { N = sizeof words / sizeof *words };
    char *argv[N + 2] = {"km-test"};
    for (int i = 0; i < N; i++) argv[i + 1] = (char *)words[i];
    char *text = km_cli_arguments(&(km_cli){.argc = N + 1, .argv = argv});
    int argc;
    char **back = km_cli_split(text, &argc);
    bool equal = argc == N + 1 && !back[argc];
    for (int i = 1; i < argc && equal; i++) equal = !strcmp(back[i], words[i - 1]);
    ok(equal, "arguments go there and back");
    free(text), free(back);
    back = km_cli_split("  ", &argc);
    ok(argc == 1 && !back[1], "of nothing there are none");
    free(back);
}

/* The exit status of a program with these arguments; its one line on standard error goes to said. */
static int status_of(const char *a, const char *b, char said[256])
{
    static int steps;
    static double x;
    static km_opt_range frames;
    static const char *how;
    static const km_opt table[] = {{"steps", 0, KM_OPT_INT, &steps, "N", "", .min = 1, .max = 100},
                                   {"scale", 0, KM_OPT_DOUBLE, &x, "X", ""},
                                   {"frames", 0, KM_OPT_RANGE, &frames, "A:B", ""},
                                   {"how", 0, KM_OPT_CHOICE, &how, "HOW", "", .choices = "one|other"},
                                   {0}};
    static const km_program program = {"km-test", "[options]", "a test", table, 0, 1};
    char *argv[] = {"km-test", (char *)a, (char *)b, NULL};
    int fds[2], status = 0;
    if (pipe(fds) != 0) return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        km_cli cli;
        bool recall = !strcmp(a, "recall"); /* b is a record, not an argument */
        km_cli_start(&cli, &program, b && !recall ? 3 : 2, argv);
        if (!strcmp(a, "bug")) KM_BUG("on purpose");
        if (recall) km_cli_recall(&cli, b, "F");
        _exit(0);
    }
    close(fds[1]);
    size_t length = 0;
    for (ssize_t n; length < 255 && (n = read(fds[0], said + length, 255 - length)) > 0;) length += (size_t)n;
    said[length] = 0;
    close(fds[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_misuse(void)
{
    static const char *const bad[][3] = {
        {"--step", "5", "did you mean '--steps'?"},   {"--zzzzzzzz", NULL, "no option '--zzzzzzzz'"},
        {"-z", NULL, "no option '-z'"},               {"--steps", NULL, "needs a value"},
        {"--steps=0", NULL, "from 1 to 100"},         {"--steps=5x", NULL, "a whole number"},
        {"--steps=", NULL, "a whole number"},         {"--steps", " 5", "a whole number"},
        {"--steps=99999999999", NULL, "number"},      {"--scale=nan", NULL, "a number"},
        {"--scale=0x10", NULL, "a number"},           {"--scale=1e999", NULL, "a number"},
        {"--frames=5", NULL, "a range A:B"},          {"--frames=5:4", NULL, "a range A:B"},
        {"--frames=-1:4", NULL, "a range A:B"},       {"--how=on", NULL, "one of one|other"},
        {"--how=", NULL, "one of one|other"},         {"--quiet=1", NULL, "takes no value"},
        {"--seed=-1", NULL, "a number of 0 or more"}, {"--threads=0", NULL, "from 1 to 4096"},
        {"--device=cuda:", NULL, "cuda or cuda:N"},   {"--device=gpu", NULL, "cuda or cuda:N"},
        {"a", "b", "too many operands"},
    };
    char said[256];
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = status_of(bad[i][0], bad[i][1], said);
        char *newline = strchr(said, '\n');
        ok(status == 2 && !strncmp(said, "km-test: ", 9) && strstr(said, bad[i][2]) && newline && !newline[1],
           "%s %s: %d %.*s", bad[i][0], bad[i][1] ? bad[i][1] : "", status, (int)strcspn(said, "\n"), said);
    }
    ok(status_of("--device=cuda:99", NULL, said) == 5 && strstr(said, "no "), "no accelerator is status 5");
    ok(status_of("recall", "--steps=x", said) == 3 && strstr(said, "km-test: F: recorded arguments: option '--steps'"),
       "a bad record is status 3");
    ok(status_of("--steps", "5", said) == 0 && !*said, "good use says nothing");
    ok(status_of("bug", NULL, said) == 6 && strstr(said, "on purpose"), "a bug is status 6 and says where");
}

static void test_system(void)
{
    km_err err;
    km_system *s = km_system_new();
    s->n_atoms = s->n_residues = s->n_chains = 1;
    s->atoms = KM_NEW(km_atom), s->residues = KM_NEW(km_residue), s->chains = KM_NEW(km_chain);
    s->atoms[0] = (km_atom){.name = "CA", .element = 6, .token = -1};
    s->residues[0].icode = ' ';
    s->residues[0].n_atoms = s->chains[0].n_residues = 1;
    ok(km_system_check(s, &err) == KM_OK, "a sound system");
    km_system_add_provenance(s, &(km_provenance){.program = "km-test", .seed = 3});
    km_system *c = km_system_copy(s);
    ok(c->n_provenance == 1 && c->provenance[0].seed == 3 && !strcmp(c->atoms[0].name, "CA") && c->atoms != s->atoms,
       "a copy");
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
    test_arguments();
    test_misuse();
    test_system();
    return tap_end();
}
