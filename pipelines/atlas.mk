# SPDX-License-Identifier: MIT
# ATLAS: protein chains, 3 x 100 ns each. TIER=protein has a frame every 10 ps instead of 100,
# and lies in OUT/atlas-protein.
TIER ?= analysis
SET := atlas
form := $(filter protein,$(TIER))
CHOICES := TIER
raw   = $(RAW)/$(name)/%
override FETCH += --tier $(TIER)
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
