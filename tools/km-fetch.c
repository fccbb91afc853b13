/* SPDX-License-Identifier: MIT
 * km-fetch: data sets and weights from where they are published. */
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/fetch/fetch.h"

#define RATE 10e6 /* bytes a second, for the estimate of time */

static struct {
    const char *output, *tier, *base;
    bool list, dry, json;
    km_opt_list only;
    int limit, jobs, tries, timeout;
} o = {.output = ".", .tier = "analysis", .jobs = 2, .tries = 8, .timeout = 60};

static const km_opt table[] = {
    {"output", 'o', KM_OPT_STRING, &o.output, "DIR", "the folder to put DIR/SET in (default: this one)"},
    {"list", 0, KM_OPT_FLAG, &o.list, NULL, "print the sets, or the systems of those named"},
    {"dry-run", 0, KM_OPT_FLAG, &o.dry, NULL, "print what would be brought, and how much that is"},
    {"only", 0, KM_OPT_LIST, &o.only, "ID,...", "these systems; may be given again"},
    {"limit", 0, KM_OPT_INT, &o.limit, "N", "the first N systems", .min = 1, .max = 1e9},
    {"tier", 0, KM_OPT_CHOICE, &o.tier, "TIER", "of atlas: every 100 ps (analysis) or 10 ps (protein)",
     .choices = "analysis|protein"},
    {"jobs", 'j', KM_OPT_INT, &o.jobs, "N", "systems at a time; a host never gets more than two connections", .min = 1,
     .max = 64},
    {"base-url", 0, KM_OPT_STRING, &o.base, "URL", "a mirror of the set"},
    {"tries", 0, KM_OPT_INT, &o.tries, "N", "give up after N requests in a row that bring nothing", .min = 1,
     .max = 100},
    {"timeout", 0, KM_OPT_INT, &o.timeout, "SECONDS", "without a byte, and a request is made again", .min = 1,
     .max = 3600},
    {"json", 0, KM_OPT_FLAG, &o.json, NULL, "print lists as JSON"},
    {0}};
static const km_program program = {"km-fetch", "[options] [SET...]",
                                   "bring data sets and weights from where they are published", table, 0, -1};

typedef struct words {
    const km_cli *cli;
    pthread_mutex_t lock; /* of the bar */
    km_progress bar;
    int failed;           /* systems, over all sets */
    km_err first;         /* the first failure */
    bool sole;            /* one system was asked for: its failure is the program's */
} words;

/* -- what is asked for */

static const km_fetch_set *set_of(const char *name, km_err *err)
{
    const km_fetch_set *s = km_fetch_find(name);
    if (!s) km_fail(err, KM_USAGE, "'%.40s' is no set; km-fetch --list prints them", name);
    return s;
}

/* The sets named; `all` is those of dynamics. Ends with NULL; free the array. */
static km_status choose_sets(const km_cli *cli, const km_fetch_set ***ret, km_err *err)
{
    int n = 0, known = 0;
    while (km_fetch_sets[known].name) known++;
    const km_fetch_set **sets = KM_NEWN(const km_fetch_set *, (size_t)(known * (cli->n_operands + 1) + 1));
    *ret = sets;
    for (int i = 0; i < cli->n_operands; i++) {
        bool all = strcmp(cli->operands[i], "all") == 0;
        for (int k = 0; all && k < known; k++)
            if (km_fetch_sets[k].in_all) sets[n++] = &km_fetch_sets[k];
        if (!all && !(sets[n++] = set_of(cli->operands[i], err))) return KM_USAGE;
    }
    if (n != 1 && (o.base || o.only.count)) return km_fail(err, KM_USAGE, "--base-url and --only need one set");
    if (n == 0 && !o.list) return km_fail(err, KM_USAGE, "name a set; km-fetch --list prints them");
    return KM_OK;
}

/* The ids of --only, each occurrence a list with commas; NULL: it was not given. Free the array and its first. */
static char **split_only(void)
{
    if (!o.only.count) return NULL;
    char *all = km_strdup(""), *rest = NULL;
    for (int i = 0; i < o.only.count; i++) {
        char *longer = km_asprintf("%s,%s", all, o.only.items[i]);
        free(all);
        all = longer;
    }
    char **ids = KM_NEWN(char *, strlen(all) + 2);
    int n = 1;
    ids[0] = all;
    for (char *p = strtok_r(all, ", ", &rest); p; p = strtok_r(NULL, ", ", &rest)) ids[n++] = p;
    return ids;
}

/* -- lists */

static void print_json(json_t *top)
{
    json_dumpf(top, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(top);
}

static void print_sets(void)
{
    json_t *all = json_array();
    if (!o.json) printf("%-14s%-24s%-24s%s\n", "set", "size", "licence", "what");
    for (const km_fetch_set *s = km_fetch_sets; s->name; s++) {
        if (o.json)
            json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:s}", "set", s->name, "size", s->size,
                                                 "license", s->license, "what", s->what, "source", s->source));
        else printf("%-14s%-24s%-24s%s\n%14s%s\n", s->name, s->size, s->license, s->what, "", s->source);
    }
    if (o.json) print_json(all);
    else json_decref(all);
}

static void print_systems(const km_fetch *f)
{
    json_t *all = json_array();
    for (int i = 0; i < f->n; i++) {
        const km_fetch_system *s = &f->systems[i];
        char size[32] = "?";
        if (s->bytes >= 0) km_format_bytes(s->bytes, size);
        if (o.json)
            json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:b, s:b}", "set", f->set->name, "id", s->id, "bytes",
                                                 (json_int_t)s->bytes, "estimate", f->set->guesses, "here",
                                                 km_fetch_has(f, s)));
        else printf("%s\t%s%s%s\n", s->id, f->set->guesses ? "about " : "", size, km_fetch_has(f, s) ? "\there" : "");
    }
    if (o.json) print_json(all);
    else json_decref(all);
}

/* -- bringing */

static void on_bytes(void *arg, int64_t n)
{
    words *w = arg;
    pthread_mutex_lock(&w->lock);
    km_progress_add(&w->bar, (double)n);
    pthread_mutex_unlock(&w->lock);
}

static void fail(words *w, const char *set, const char *id, const km_err *err)
{
    km_err said = {.code = KM_SYSTEM};
    snprintf(said.msg, sizeof said.msg, "%s%s%.60s: %.180s", set, *id ? " " : "", id, err->msg);
    if (w->failed++ == 0) w->first = said;
    if (!w->sole) km_cli_fail(w->cli, &said);
}

static void on_done(void *arg, const km_fetch *f, const km_fetch_system *s, km_status status, const km_err *err)
{
    words *w = arg;
    if (status != KM_OK) fail(w, f->set->name, s->id, err);
    else if (w->cli->verbose) km_cli_say(w->cli, "%s %s", f->set->name, s->id);
}

typedef struct missing {
    words *w;
    const char *set;
} missing;

static void on_missing(void *arg, const char *id)
{
    missing *m = arg;
    km_err err = {.code = KM_SYSTEM, .msg = "the set has no such system"};
    fail(m->w, m->set, id, &err);
}

/* What is to be brought, how long that takes, and whether it fits. */
static km_status weigh(words *w, const km_fetch *f, int64_t *ret_bytes, km_err *err)
{
    int64_t bytes = 0, most = 0, unknown = 0, count = 0, room;
    char total[32], space[32], time[32] = "";
    for (int i = 0; i < f->n; i++) {
        const km_fetch_system *s = &f->systems[i];
        if (km_fetch_has(f, s)) continue;
        count++;
        unknown += s->bytes < 0;
        bytes += s->bytes > 0 ? s->bytes : 0;
        if (s->room - s->bytes > most) most = s->room - s->bytes;
    }
    room = km_fetch_room(o.output);
    km_format_bytes(bytes, total);
    km_format_bytes(room, space);
    double minutes = (double)bytes / RATE / 60;
    if (minutes < 90) snprintf(time, sizeof time, "%.0f minutes", minutes < 1 ? 1 : minutes);
    else if (minutes < 72 * 60) snprintf(time, sizeof time, "%.0f hours", minutes / 60);
    else snprintf(time, sizeof time, "%.0f days", minutes / 60 / 24);
    if (count)
        km_cli_say(w->cli, "%s: %lld systems to bring, %lld are there; %s%s%s, %s at 10 MB/s; %s free", f->set->name,
                   (long long)count, (long long)(f->n - count), f->set->guesses ? "about " : "", total,
                   unknown ? " and what is not known yet" : "", time, space);
    *ret_bytes = bytes;
    if (bytes + most * o.jobs <= room) return KM_OK;
    km_format_bytes(bytes + most * o.jobs, total);
    return km_fail(err, o.dry ? KM_NEGATIVE : KM_SYSTEM,
                   "%s: %s are needed in %.100s, %s are free (--limit brings fewer systems)", f->set->name, total,
                   o.output, space);
}

static km_status bring(words *w, km_fetch *f, km_err *err)
{
    km_fetch_report report = {.done = on_done, .arg = w};
    int64_t bytes;
    KM_TRY(weigh(w, f, &bytes, err));
    if (o.dry) return KM_OK;
    km_progress_start(&w->bar, w->cli, f->set->name, (double)bytes);
    w->bar.bytes = true;
    km_status status = km_fetch_run(f, o.jobs, &report, err);
    km_progress_end(&w->bar);
    if (status == KM_OK && report.fetched + report.there + report.failed > 0)
        km_cli_say(w->cli, "%s: %d brought, %d were there, %d failed; in %s; licence: %s", f->set->name, report.fetched,
                   report.there, report.failed, f->dir, f->license);
    return status;
}

static km_status one_set(words *w, const km_fetch_set *set, const char *const *ids, km_err *err)
{
    km_http_options options = {.tries = o.tries, .timeout = o.timeout, .on_bytes = on_bytes, .arg = w};
    missing m = {w, set->name};
    km_fetch *f;
    int absent;
    KM_TRY(km_fetch_open(set, o.output, o.base, o.tier, &options, &f, err));
    f->names = o.list;
    km_status status = km_fetch_list(f, ids, o.limit, &absent, on_missing, &m, err);
    if (status == KM_OK && (o.list || o.dry)) print_systems(f);
    if (status == KM_OK && !o.list) status = bring(w, f, err);
    km_fetch_close(f);
    return status;
}

static km_status run(words *w, km_err *err)
{
    const km_fetch_set **sets = NULL;
    char **ids = split_only();
    w->sole = ids && ids[1] && !ids[2];
    km_status status = choose_sets(w->cli, &sets, err);
    if (status == KM_OK && !sets[0]) print_sets();
    for (int i = 0; status == KM_OK && sets[i]; i++) {
        status = one_set(w, sets[i], ids ? (const char *const *)ids + 1 : NULL, err);
        if (status == KM_SYSTEM && sets[i + 1] && !km_interrupted()) { /* the other sets may do better */
            fail(w, sets[i]->name, "", err);
            status = KM_OK;
        }
    }
    if (status == KM_OK && w->failed)
        status = w->sole ? km_fail(err, KM_SYSTEM, "%s", w->first.msg)
                         : km_fail(err, KM_SYSTEM, "%d system%s could not be brought", w->failed,
                                   w->failed > 1 ? "s" : "");
    if (ids) free(ids[0]);
    free(ids), free(sets);
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    words w = {.cli = &cli};
    km_cli_start(&cli, &program, argc, argv);
    pthread_mutex_init(&w.lock, NULL);
    km_http_start();
    return km_cli_end(&cli, run(&w, &err), &err);
}
