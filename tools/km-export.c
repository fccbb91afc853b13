/* SPDX-License-Identifier: MIT
 * km-export: a stream as files that other programs read. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "tools/sink.h"
#include "tools/source.h"

static struct {
    const char *top;
    int trajectory, precision;
    bool one_trajectory;
} o = {.precision = 1000};

static const km_opt table[] = {
    {"top", 0, KM_OPT_STRING, &o.top, "OUT.pdb", "write the first frame there too, as PDB or (.cif) mmCIF"},
    {"trajectory", 0, KM_OPT_INT, &o.trajectory, "N", "only trajectory N, counted from 1", .min = 1, .max = 1e6,
     .set = &o.one_trajectory},
    {"precision", 0, KM_OPT_INT, &o.precision, "N", "steps per nm in XTC", .min = 10, .max = 1e6},
    {0}};
static const km_program program = {"km-export", "[--top OUT.pdb] [--trajectory N] IN.km OUT.{xtc,trr,dcd,pdb,cif,h5}",
                                   "Write the frames of a stream in a format that other programs read.", table, 2, 2};

typedef struct export {
    km_source *source;
    km_system *system;
    km_sink *sink;
    int64_t frames;
} export;

static km_status take_system(export *x, const km_system *s, km_err *err)
{
    if (x->system) return km_fail(err, KM_INPUT, "a second system, '%.60s': write each on its own", s->name);
    x->system = km_source_take_system(x->source);
    return KM_OK;
}

static km_status take_frame(export *x, km_frame *frame, const char *path, km_err *err)
{
    if (o.one_trajectory && frame->trajectory != o.trajectory - 1) return KM_OK;
    if (o.one_trajectory) frame->trajectory = 0;
    if (!x->sink) {
        KM_TRY(km_sink_open(path, x->system, (float)o.precision, &x->sink, err));
        if (o.top) KM_TRY(km_sink_top(o.top, x->system, frame->coords, err));
    }
    x->frames++;
    return km_sink_write(x->sink, frame, err);
}

static km_status copy(export *x, const char *path, km_err *err)
{
    km_msg m;
    km_status got;
    while ((got = km_source_next(x->source, &m, err)) == 1) {
        if (m.type == KM_MSG_SYSTEM) KM_TRY(take_system(x, m.system, err));
        if (m.type == KM_MSG_FRAME) KM_TRY(take_frame(x, &m.frame, path, err));
        if (km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    if (got < 0) return got;
    if (x->frames > 0) return KM_OK;
    return o.one_trajectory ? km_fail(err, KM_INPUT, "no frame of trajectory %d", o.trajectory)
                            : km_fail(err, KM_INPUT, "no frame to write");
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0}, later = {0};
    export x = {0};
    km_cli_start(&cli, &program, argc, argv);
    const char *in = cli.operands[0], *out = cli.operands[1];
    km_status status = km_sink_check(out, &err);
    if (status == KM_OK) status = km_source_open(in, &x.source, &err);
    if (status == KM_OK) status = copy(&x, out, &err);
    /* what was whole before damage is written, and the damage reported all the same */
    if (x.sink && (status == KM_OK || status == KM_INPUT)) {
        km_status committed = km_sink_commit(x.sink, &later);
        if (committed < 0) status = committed, err = later;
    } else {
        km_sink_abandon(x.sink);
    }
    km_source_close(x.source);
    km_system_free(x.system);
    return km_cli_end(&cli, status, &err);
}
