# SPDX-License-Identifier: MIT
# ATLAS: protein chains, 3 x 100 ns each. TIER=protein has a frame every 10 ps instead of 100.
TIER ?= analysis
SET := atlas
raw   = $(RAW)/atlas$(if $(filter protein,$(TIER)),-protein)/%
override FETCH += --tier $(TIER)
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
