/* SPDX-License-Identifier: MIT
 * Reference cases: reads safetensors files of known inputs and outputs and says how far we are off. */
#include <stdio.h>

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) fprintf(stderr, "oracle: no kind of reference case is known yet\n");
    return argc > 1;
}
