/* SPDX-License-Identifier: MIT
 * Libraries of ours that are made only where what they stand on is there, and opened only when they are wanted.
 * Tests: tests/cli/device.bats, tests/cli/ranks.bats, tests/cli/tokenize.bats */
#ifndef KM_BASE_PLUGIN_H
#define KM_BASE_PLUGIN_H

#include <stdbool.h>

/* dlopen's handle of a library by its file's name, or NULL, when dlerror tells why. It is looked for in the loader's
 * places (LD_LIBRARY_PATH first), beside the program, in ../ and ../lib of its folder, and where it was installed.
 * global: its symbols serve libraries that are opened after it. */
void *km_plugin_open(const char *file, bool global);

#endif
