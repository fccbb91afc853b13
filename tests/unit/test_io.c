/* SPDX-License-Identifier: MIT
 * lib/base/io.c, lib/base/cpu.c, lib/base/limits.c: names appear only when whole, failures are found, signals are
 * noted. */
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/backend.h"
#include "lib/base/cpu.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"

static char dir[] = "/tmp/km-test-io-XXXXXX";
static char path[64], part[80];

static bool exists(const char *name) { return access(name, F_OK) == 0; }

static void test_input(void)
{
    km_err e = {0};
    FILE *f = NULL;
    ok(km_input_open("-", &f, &e) == KM_OK && f == stdin, "- is standard input");
    km_input_close(f);
    ok(fileno(stdin) == 0 && fcntl(0, F_GETFD) >= 0, "and stays open");
    char missing[80];
    snprintf(missing, sizeof missing, "%s/none", dir);
    ok(km_input_open(missing, &f, &e) == KM_SYSTEM && !f && strstr(e.msg, "cannot open") &&
           strstr(e.msg, "/none': No such"),
       "a missing file");
    ok(km_input_open(dir, &f, &e) == KM_SYSTEM && !f && strstr(e.msg, "is a directory"), "a directory");
}

static void test_output(void)
{
    km_err e = {0};
    km_output o;
    ok(km_output_open(&o, path, true, &e) == KM_OK && exists(part) && !exists(path), "the part comes first");
    fputs("whole", o.file);
    ok(km_output_commit(&o, &e) == KM_OK && !exists(part) && exists(path), "commit gives it its name");
    struct stat st;
    ok(stat(path, &st) == 0 && st.st_size == 5, "with what was written");

    ok(km_output_open(&o, path, true, &e) == KM_OK, "open again");
    fputs("refused input", o.file);
    km_output_abandon(&o, false);
    ok(!exists(part) && stat(path, &st) == 0 && st.st_size == 5, "what was refused leaves the old file and no part");
    km_output_abandon(&o, false);

    ok(km_output_open(&o, path, true, &e) == KM_OK, "and again");
    fputs("cut", o.file);
    km_output_abandon(&o, true);
    ok(stat(part, &st) == 0 && st.st_size == 3, "an interrupted run keeps its part");
    unlink(part);
    unlink(path);

    char nowhere[80];
    snprintf(nowhere, sizeof nowhere, "%s/no/where", dir);
    ok(km_output_open(&o, nowhere, true, &e) == KM_SYSTEM && strstr(e.msg, "cannot write"), "no such directory");
    ok(km_output_open(&o, dir, true, &e) == KM_SYSTEM && strstr(e.msg, "s a directory"), "a directory is no output");
    ok(km_output_open(&o, "", true, &e) == KM_USAGE, "nor is an empty name");
}

static void test_reopened(void)
{
    km_err e = {0};
    km_output o;
    char text[16];
    struct stat st;
    ok(km_output_open(&o, path, true, &e) == KM_OK && fputs("some and more", o.file) >= 0, "a run that is interrupted");
    km_output_abandon(&o, true);
    km_output run;
    ok(km_output_open(&run, path, true, &e) == KM_OK && km_output_reopen(&o, part, &e) == KM_SYSTEM &&
           strstr(e.msg, "still writes"),
       "a part that is being written is not taken up");
    fputs("some and more", run.file);
    km_output_abandon(&run, true);
    ok(km_output_reopen(&o, part, &e) == KM_OK && fgets(text, sizeof text, o.file) && feof(o.file),
       "its part is read again");
    ok(km_output_cut(&o, 4, &e) == KM_OK && fputs(", whole", o.file) >= 0 && km_output_commit(&o, &e) == KM_OK,
       "cut and finished");
    FILE *f = fopen(path, "rb");
    ok(f && fgets(text, sizeof text, f) && !strcmp(text, "some, whole") && !exists(part),
       "it has its name and what was written");
    fclose(f);
    ok(km_output_reopen(&o, part, &e) == KM_SYSTEM && strstr(e.msg, ".part': No such"), "a part that is gone");
    ok(km_output_reopen(&o, path, &e) == KM_USAGE && km_output_reopen(&o, ".part", &e) == KM_USAGE,
       "a name that is no part's");
    ok(stat(path, &st) == 0 && st.st_size == 11, "which stays as it is");
    unlink(path);
}

static void test_devices(void)
{
    km_err e = {0};
    km_output o;
    ok(km_output_open(&o, "/dev/null", true, &e) == KM_OK && !o.part && !exists("/dev/null.part"),
       "/dev/null directly");
    fputs("gone", o.file);
    ok(km_output_commit(&o, &e) == KM_OK && exists("/dev/null"), "and it stays there");
    if (!exists("/dev/full")) {
        ok(true, "a full disk # skip no /dev/full");
        return;
    }
    ok(km_output_open(&o, "/dev/full", true, &e) == KM_OK, "a full disk opens");
    fputs("some", o.file);
    ok(km_output_commit(&o, &e) == KM_SYSTEM && strstr(e.msg, "/dev/full: No space"), "and is found at commit");
    ok(km_output_open(&o, "/dev/full", true, &e) == KM_OK, "a full disk again");
    for (int i = 0; i < 100000; i++) fputc('x', o.file);
    ok(km_output_commit(&o, &e) == KM_SYSTEM && strstr(e.msg, "/dev/full"), "an early failure is not forgotten");
}

/* How a child ends that takes `signals` signals and then dies by the one that arrived. */
static int child_status(int signals, int sig)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        km_signals_init();
        if (km_interrupted()) _exit(90);
        for (int i = 0; i < signals; i++) raise(sig);
        if (!km_interrupted()) _exit(91);
        if (signals > 1) _exit(92);
        km_die_by_signal();
        _exit(93);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
}

static void test_signals(void)
{
    int s = child_status(1, SIGINT);
    ok(WIFSIGNALED(s) && WTERMSIG(s) == SIGINT,
       "the first SIGINT is noted and the program dies by it when it is ready");
    s = child_status(1, SIGTERM);
    ok(WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM, "so with SIGTERM");
    s = child_status(2, SIGTERM);
    ok(WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM, "the second one ends it at once");
}

static void test_cpu(void)
{
    ok(km_cpu_has("base") && km_cpu_has(km_cpu_isa()) && !km_cpu_has("mmx"), "the instruction set in use is there");
    ok(km_cpu_count() >= 1, "at least one core");
    ok(km_backend_cpu(NULL) == km_backend_cpu(km_cpu_isa()), "the kernels are those of the best set");
    ok(km_backend_cpu("mmx") == NULL, "an unknown set has no kernels");
}

/* In a child: its own limit must show. */
static void test_memory(void)
{
    ok(km_memory_available() > 0, "some memory is available");
    ok(km_memory_allowed(5) == 5 && km_memory_allowed(0) > 0, "what is asked for, or what there is");
#ifdef __SANITIZE_ADDRESS__ /* which has terabytes of addresses mapped already */
    return;
#endif
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit r = {(rlim_t)1 << 40, RLIM_INFINITY};
        int64_t before = km_memory_available();
        setrlimit(RLIMIT_AS, &r);
        bool wide = km_memory_available() <= before && km_memory_available() > 0;
        r.rlim_cur = 1 << 20; /* less than is mapped already */
        setrlimit(RLIMIT_AS, &r);
        _exit(wide && km_memory_available() == 0 ? 0 : 1);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a limit on the address space counts");
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(path, sizeof path, "%s/out.km", dir);
    snprintf(part, sizeof part, "%s.part", path);
    test_input();
    test_output();
    test_reopened();
    test_devices();
    test_signals();
    test_cpu();
    test_memory();
    rmdir(dir);
    return tap_end();
}
