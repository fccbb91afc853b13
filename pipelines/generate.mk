# SPDX-License-Identifier: MIT
# A list of structures to hierarchical trajectories, one target each:
#   make -j4 -f pipelines/generate.mk STRUCTURES='a.pdb b.cif' OUT=trajectories TIME=5ns DT=50ps FINE=5ps
# Interrupted and repeated, it makes what is missing. OPTIONS go to km-forecast and km-interp (--seed 7, --weights FILE).
BIN        ?=
OUT        ?= trajectories
TIME       ?=
DT         ?=
FINE       ?=
OPTIONS    ?=
STRUCTURES ?= $(wildcard *.pdb *.cif)
bin        := $(if $(BIN),$(BIN)/,)
names      := $(basename $(notdir $(STRUCTURES)))
vpath %.pdb $(sort $(dir $(STRUCTURES)))
vpath %.cif $(sort $(dir $(STRUCTURES)))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: $(names:%=$(OUT)/%.xtc)
$(OUT):
	mkdir -p $@
$(OUT)/%.init.km: %.pdb | $(OUT)
	$(bin)km-tokenize $< | $(bin)km-trunk $(filter --weights%,$(OPTIONS)) -o $@
$(OUT)/%.init.km: %.cif | $(OUT)
	$(bin)km-tokenize $< | $(bin)km-trunk $(filter --weights%,$(OPTIONS)) -o $@
$(OUT)/%.coarse.km: $(OUT)/%.init.km
	$(bin)km-forecast $(TIME:%=--time %) $(DT:%=--dt %) $(OPTIONS) -o $@ $<
$(OUT)/%.km: $(OUT)/%.coarse.km
	$(bin)km-interp $(FINE:%=--dt %) $(OPTIONS) -o $@ $<
$(OUT)/%.xtc: $(OUT)/%.km
	$(bin)km-export --top $(OUT)/$*.top.pdb $< $@
