# SPDX-License-Identifier: MIT
# A list of structures to hierarchical trajectories, one target each:
#   make -j4 -f pipelines/generate.mk STRUCTURES='a.pdb b.cif' OUT=trajectories TIME=5ns DT=50ps FINE=5ps
# What is not set is as the weights say. Interrupted and repeated, it makes what is missing: an interrupted forecast goes on where it was cut.
# DEVICES='0 1 2 3' deals the structures to these GPUs in turn; make -j4 then keeps all of them busy.
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
DEVICES    ?=
STRUCTURES ?= $(wildcard *.pdb *.cif)
bin        := $(if $(BIN),$(BIN)/,)
names      := $(basename $(notdir $(STRUCTURES)))
weights    := $(WEIGHTS:%=--weights %)
coarse     := $(weights) $(SEED:%=--seed %) $(TIME:%=--time %) $(DT:%=--dt %) $(FORECAST)
fine       := $(weights) $(SEED:%=--seed %) $(FINE:%=--dt %) $(INTERP)
# device.NAME: the option for a structure
turn       := $(DEVICES)
deal        = $(eval device.$1 := --device cuda:$(firstword $(turn)))$(eval turn := $(wordlist 2,$(words $(turn)),$(turn)) $(firstword $(turn)))
$(if $(turn),$(foreach n,$(names),$(call deal,$n)))
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
	$(bin)km-trunk $(weights) $(device.$*) -o $@ $<
# status 3: the part holds nothing yet that could be resumed
$(OUT)/%.coarse.km: $(OUT)/%.init.km
	s=3; if [ -e $@.part ]; then $(bin)km-forecast --resume $@.part $(coarse) $(device.$*); s=$$?; fi; \
	if [ $$s -eq 3 ]; then rm -f $@.part; $(bin)km-forecast $(coarse) $(device.$*) -o $@ $<; else exit $$s; fi
$(OUT)/%.km: $(OUT)/%.coarse.km
	$(bin)km-interp $(fine) $(device.$*) -o $@ $<
$(OUT)/%.xtc: $(OUT)/%.km
	$(bin)km-export --top $(OUT)/$*.top.pdb $< $@
