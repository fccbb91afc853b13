# SPDX-License-Identifier: MIT
# mdCATH: domains, five times 0.5 us at each of TEMPERATURE = 320, 348, 379, 413 and 450 K (several as 320,348); REPLICA=0,1: only these.
TEMPERATURE ?= 320
REPLICA     ?=
SET := mdcath
comma   := ,
form := $(subst $(comma),-,$(filter-out 320,$(TEMPERATURE))$(REPLICA:%=-r%))
CHOICES := TEMPERATURE REPLICA
override STRIP += --temperature $(TEMPERATURE) $(REPLICA:%=--replica %)
raw = $(RAW)/mdcath/mdcath_dataset_%.h5
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
