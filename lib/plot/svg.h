/* SPDX-License-Identifier: MIT
 * SVG, written in one pass to a FILE: a figure is one <svg> element that needs nothing from outside, looks the same
 * alone and within a page, and takes its black from the text around it (currentColor), so that it can be read on a dark
 * page too.
 *
 * Colours are those of Okabe & Ito (2008, "Color Universal Design") that stand out on white and on black; densities go
 * through viridis (van der Walt & Smith, public domain). Lengths are CSS pixels, y downward.
 *
 * A failed write shows in the FILE: nothing here returns it but km_svg_end.
 * Tests: tests/unit/test_plot.c */
#ifndef LIB_PLOT_SVG_H
#define LIB_PLOT_SVG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

/* Open and close a figure; title is what a screen reader says. KM_SYSTEM when any write to out has failed. */
void km_svg_begin(FILE *out, double width, double height, const char *title);
km_status km_svg_end(FILE *out, km_err *err) KM_MUST_USE;

/* The text with & < > " escaped; bytes that are not UTF-8 and control characters become U+FFFD. More than `most`
 * characters (0: any number) end in an ellipsis. Good for HTML as well. */
void km_xml_text(FILE *out, const char *text, int most);

typedef enum km_anchor { KM_START, KM_MIDDLE, KM_END } km_anchor;
typedef struct km_face {
    km_anchor anchor;
    double size; /* of the font */
    double turn; /* degrees, clockwise */
    bool bold;
    int most; /* characters, as in km_xml_text */
} km_face;
void km_svg_label(FILE *out, double x, double y, km_face face, const char *text);

enum { KM_INK, KM_GREY, KM_BLUE, KM_VERMILION, KM_GREEN, KM_PURPLE, KM_ORANGE, KM_SKY, KM_COLOURS };
/* What SVG and CSS call a colour. */
const char *km_colour_name(int colour);

/* Levels of a density, light (few) to dark (many). */
enum { KM_LEVELS = 10 };
const char *km_level_name(int level);
/* The CSS rules for a dark page: levels the other way round (few: dark), a lighter blue. */
void km_svg_dark_rules(FILE *out);

/* How a series looks, in panels and legends. */
typedef struct km_look {
    uint8_t colour;
    bool dashed, filled, dots;
} km_look;
typedef struct km_entry {
    const char *name;
    km_look look;
} km_entry;
/* A legend from (left, top) in lines no wider than width; returns the height it takes. Without out it is measured. */
double km_svg_legend(FILE *opt_out, double left, double top, double width, const km_entry *entries, int n);

#endif
