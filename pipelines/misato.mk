# SPDX-License-Identifier: MIT
# MISATO: proteins with ligands, 8 ns each.
SET := misato
raw       = $(RAW)/misato/%.hdf5
needs_ccd := 1
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
