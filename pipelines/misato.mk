# SPDX-License-Identifier: MIT
# MISATO: proteins with ligands, 8 ns each. All of them come as one file of 143 GB; with LIMIT or SYSTEMS, unless it is there, each is taken
# out of it where it is.
SET := misato
one  = $(if $(wildcard $(RAW)/misato/MD.hdf5),,$(LIMIT)$(SYSTEMS))
raw  = $(RAW)/misato/$(if $(one),%,MD).hdf5
needs_ccd := 1
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
