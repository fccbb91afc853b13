# SPDX-License-Identifier: MIT
# A list of structures to hierarchical trajectories, one target each:
#   make -j4 -f pipelines/generate.mk STRUCTURES='a.pdb b.cif' OUT=trajectories TIME=5ns DT=50ps FINE=5ps
# What is not set is as the weights say. Interrupted and repeated, it makes what is missing: an interrupted forecast goes on where it was cut.
# FORECAST and INTERP hold further options of km-forecast and km-interp (FORECAST='--trajectories 4 --preset unbinding').
BIN        ?=
OUT        ?= trajectories
WEIGHTS    ?=
SEED       ?=
TIME       ?=
DT         ?=
FINE       ?=
FORECAST   ?=
INTERP     ?=
STRUCTURES ?= $(wildcard *.pdb *.cif)
bin        := $(if $(BIN),$(BIN)/,)
names      := $(basename $(notdir $(STRUCTURES)))
weights    := $(WEIGHTS:%=--weights %)
coarse     := $(weights) $(SEED:%=--seed %) $(TIME:%=--time %) $(DT:%=--dt %) $(FORECAST)
fine       := $(weights) $(SEED:%=--seed %) $(FINE:%=--dt %) $(INTERP)
vpath %.pdb $(sort $(dir $(STRUCTURES)))
vpath %.cif $(sort $(dir $(STRUCTURES)))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: $(names:%=$(OUT)/%.xtc)
$(OUT):
	mkdir -p $@
$(OUT)/%.tokens.km: %.pdb | $(OUT)
	$(bin)km-tokenize -o $@ $<
$(OUT)/%.tokens.km: %.cif | $(OUT)
	$(bin)km-tokenize -o $@ $<
$(OUT)/%.init.km: $(OUT)/%.tokens.km
	$(bin)km-trunk $(weights) -o $@ $<
# status 3: the part holds nothing yet that could be resumed
$(OUT)/%.coarse.km: $(OUT)/%.init.km
	s=3; if [ -e $@.part ]; then $(bin)km-forecast --resume $@.part $(coarse); s=$$?; fi; \
	if [ $$s -eq 3 ]; then rm -f $@.part; $(bin)km-forecast $(coarse) -o $@ $<; else exit $$s; fi
$(OUT)/%.km: $(OUT)/%.coarse.km
	$(bin)km-interp $(fine) -o $@ $<
$(OUT)/%.xtc: $(OUT)/%.km
	$(bin)km-export --top $(OUT)/$*.top.pdb $< $@
