/* SPDX-License-Identifier: MIT
 * What the programs between two pipes share: a stream in, a stream out, and the order of things.
 *
 * A system with its alignment, templates and trunk is held back until the first frame (or the end), so that a program
 * can choose its weights by all of them before it writes anything. */
#ifndef TOOLS_FILTER_H
#define TOOLS_FILTER_H

#include "formats/km.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"

typedef struct km_filter km_filter;

typedef struct km_filter_hooks {
    /* The system and what the stream has of alignment, templates and trunk are known. May replace them and fill
     * f->record; nothing is written yet. */
    km_status (*ready)(void *arg, km_filter *f, km_err *err);
    /* A frame of the input, borrowed until the return. NULL: it is passed on. */
    km_status (*frame)(void *arg, km_filter *f, const km_frame *frame, km_err *err);
    /* The system's last frame has come. */
    km_status (*end)(void *arg, km_filter *f, km_err *err);
} km_filter_hooks;

struct km_filter {
    const km_cli *cli;
    km_system *system;
    km_msa *msa;            /* these three are written behind the system when not NULL */
    km_templates *templates;
    km_trunk_result *trunk;
    km_provenance record;   /* this program's; program, version, arguments and seed are filled in; strings borrowed */
    /* the rest is the filter's own */
    const km_filter_hooks *hooks;
    void *arg;
    struct km_source *source;
    km_writer *writer;
    struct km_filter_raw {
        void *bytes;
        size_t n;
    } *held; /* messages that nobody knows */
    int n_held;
    bool written; /* the head of the present system is out */
    bool cut;     /* the input ended before its end, or is damaged from here on */
    const char *part; /* the interrupted output that is the input (resume.h), or NULL */
    bool marked;      /* of such: the run's own frames have begun */
};

/* Read opt_in (NULL, "-": standard input), write opt_out (NULL: standard output), calling the hooks. Returns the
 * program's exit status: after truncated input what was whole is written, without `end`, and 3 is returned; a refused
 * input leaves no output file; an interruption leaves FILE.part cut to whole messages. */
int km_filter_run(const km_cli *cli, const char *opt_in, const char *opt_out, const km_filter_hooks *hooks, void *arg);
/* A filter of this program's, and what it holds. */
km_filter km_filter_init(const km_cli *cli, const km_filter_hooks *hooks, void *arg);
void km_filter_clear(km_filter *f);
/* Write a frame. */
km_status km_filter_write(km_filter *f, const km_frame *frame, km_err *err) KM_MUST_USE;

/* In `end`: note where this program's own frames begin, so that the run can be resumed; a part of the provenance. */
km_status km_filter_mark(km_filter *f, km_err *err) KM_MUST_USE;

/* In `ready`: leave out alignment, templates and trunk, which belong to the tokens of the input. */
void km_filter_drop_tensors(km_filter *f);

#endif
