# SPDX-License-Identifier: MIT
# What BioKinema's authors publish for ATLAS: each of its 82 test chains from its structure on, 3 x 100 ns, beside its dynamics. The table has
# their expected row among the published ones.
#   make -f pipelines/atlas-benchmark.mk                                      all, with data and weights
#   make -j4 -f pipelines/atlas-benchmark.mk SYSTEMS='7lp1_A 6q9c_A'          some
#   make -f pipelines/atlas-benchmark.mk WEIGHTS=mine.safetensors FAMILY=boltz2 FORECAST='--dt 1ns --time 100ns'
# Interrupted and repeated, it makes what is missing. In OUT lie
#   ID.km          the generated trajectories
#   ensemble.txt   the table, and ensemble.json
BIN      ?=
OUT      ?= atlas-benchmark
RAW      ?= data/raw
SYSTEMS  ?=
WEIGHTS  ?= $(RAW)/biokinema/BioKinema_atlas+misato+mdposit_sqrt.pt
FAMILY   ?= biokinema
# alignments, MSA_DIR/ID.CHAIN.a3m; a chain without one is a single sequence
MSA_DIR  ?=
# further options of the programs
FETCH    ?=
TOKENIZE ?=
TRUNK    ?=
FORECAST ?= --preset atlas
EVAL     ?=

here  := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
bin   := $(if $(BIN),$(BIN)/,)
names := $(or $(SYSTEMS),$(shell awk '$$1 == "atlas" && $$3 == "test" { print $$2 }' $(here)held-out.tsv))
md    := $(abspath $(RAW))/atlas
alignments = $(if $(MSA_DIR),$(wildcard $(MSA_DIR)/$(1).*.a3m))

.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.PHONY: all
all: $(OUT)/ensemble.txt
$(OUT):
	mkdir -p $@
$(RAW)/biokinema/%.pt:
	$(bin)km-fetch -o $(RAW) $(FETCH) --only $*.pt biokinema
$(RAW)/atlas/%:
	$(bin)km-fetch -o $(RAW) $(FETCH) --only $* atlas
$(OUT)/%.tokens.km: $(RAW)/atlas/% $$(call alignments,$$*) | $(OUT)
	$(bin)km-tokenize --family $(FAMILY) $(TOKENIZE) \
	    $(foreach f,$(call alignments,$*),--msa $(patsubst $*.%.a3m,%,$(notdir $(f)))=$(f)) -o $@ $</$*.pdb
$(OUT)/%.init.km: $(OUT)/%.tokens.km $(WEIGHTS)
	$(bin)km-trunk --weights $(WEIGHTS) $(TRUNK) -o $@ $<
# status 3: the part holds nothing yet that could be resumed
$(OUT)/%.km: $(OUT)/%.init.km
	s=3; if [ -e $@.part ]; then $(bin)km-forecast --resume $@.part --trajectories 3 $(FORECAST); s=$$?; fi; \
	if [ $$s -eq 3 ]; then rm -f $@.part; $(bin)km-forecast --trajectories 3 $(FORECAST) -o $@ $<; else exit $$s; fi
$(OUT)/pairs: $(names:%=$(OUT)/%.km)
	for i in $(names); do echo "$$i $(abspath $(OUT))/$$i.km" \
	    "$(md)/$$i/$${i}_R1.xtc,$(md)/$$i/$${i}_R2.xtc,$(md)/$$i/$${i}_R3.xtc $(md)/$$i/$$i.pdb"; done >$@
$(OUT)/ensemble.json: $(OUT)/pairs
	$(bin)km-eval --panel ensemble --json $(EVAL) --pairs $< >$@
$(OUT)/ensemble.txt: $(OUT)/pairs $(OUT)/ensemble.json
	$(bin)km-eval --panel ensemble $(EVAL) --pairs $< >$@
	cat $@
