# SPDX-License-Identifier: MIT
# Experiments: generate what a reference set holds, compare, time. One target a set, a table, a JSON file and a page each:
#   make -f pipelines/benchmark.mk atlas REF=/data/atlas OUT=benchmark IDS=atlas-test.txt     (ATLAS-OOD: IDS of its proteins)
#   make -f pipelines/benchmark.mk misato stability REF=/data/misato OUT=benchmark            (MISATO-OOD: IDS of its complexes)
#   make -f pipelines/benchmark.mk unbinding REF=/data/dd13m IDS='RXRA CERT1'
#   make -f pipelines/benchmark.mk cath2 REF=/data/cath2                                      (octapeptides likewise)
#   make -f pipelines/benchmark.mk megasim REF=/data/megasim EVAL='--dg measured.tsv'
#   make -f pipelines/benchmark.mk conformations REF=/data/domain-motion EVAL='--within 3'    (a directory of structures a system)
#   ... EVAL='--within 3 --local residues.txt'      cryptic pockets and local unfolding: the residues in question, see km-eval(1)
#   make -f pipelines/benchmark.mk forecasting timing speed REF=/data/atlas                   (hierarchical against plain; against dynamics)
# REF holds for each system either NAME.h5, as pipelines/data.mk makes them, or a directory NAME with a topology (NAME.pdb or NAME.cif) and
# the trajectories of the reference, all replicas together, as ATLAS unpacks; for conformations a directory of structures. IDS: names, or a
# file of them; all without it. Interrupted and repeated, it makes what is missing.
BIN        ?=
REF        ?= reference
OUT        ?= benchmark
IDS        ?=
WEIGHTS    ?=
FORECAST   ?=
INTERP     ?=
EVAL       ?=
PYTHON     ?= python3
bin        := $(if $(BIN),$(BIN)/,)
here       := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
weights    := $(WEIGHTS:%=--weights %)
listed     := $(if $(wildcard $(IDS)),$(shell grep -v '^\#' $(IDS)),$(IDS))
stored     := $(patsubst %.h5,%,$(notdir $(wildcard $(REF)/*.h5)))
names      := $(if $(listed),$(listed),$(if $(stored),$(stored),$(notdir $(patsubst %/,%,$(wildcard $(REF)/*/)))))
structure   = $(firstword $(wildcard $(REF)/$1/$1.pdb $(REF)/$1/$1.cif $(REF)/$1/*.pdb))
# a system to start from: the first stored frame, or a structure
start       = $(if $(wildcard $(REF)/$1.h5),$(bin)km-cut --frames 0:1 --trajectory 1 $(REF)/$1.h5,$(bin)km-tokenize $\
              $(or $(call structure,$1),$(error no structure of $1: $(REF)/$1/$1.pdb)))

# how each set is generated and what is asked of it
atlas      misato     forecasting: TIME ?= 100ns
atlas:     DT ?= 1ns
atlas:     RUNS ?= 3
misato:    TIME ?= 8ns
misato:    DT ?= 80ps
unbinding: DT ?= 20ps
unbinding: TIME ?= 1ns
unbinding: RUNS ?= 10
cath2: TIME ?= 1us
cath2: DT ?= 10ns
cath2: RUNS ?= 5
octapeptides megasim conformations: RUNS ?= 10

.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.PHONY: atlas misato unbinding cath2 octapeptides megasim conformations forecasting timing speed stability
TIME ?= 100ns
DT   ?= 1ns
FINE ?= 100ps
RUNS ?= 1
compare = $(bin)km-eval --json --panel $1 --ref $(REF) --html $(@:.json=.html) $(EVAL)

atlas: $(OUT)/atlas.json
misato: $(OUT)/misato.json
unbinding: $(OUT)/unbinding.json
forecasting: $(OUT)/plain.json $(OUT)/hierarchical.json
cath2 octapeptides megasim conformations: %: $(OUT)/%.json
timing: $(OUT)/timing.tsv
speed: $(OUT)/speed.tsv
stability: $(OUT)/stability.tsv

$(OUT)/atlas.json: $(names:%=$(OUT)/direct/%.km)
	$(call compare,ensemble$(comma)trajectory$(comma)validity$(comma)kinetics) $(OUT)/direct > $@
$(OUT)/misato.json: $(names:%=$(OUT)/direct/%.km)
	$(call compare,ligand$(comma)ensemble$(comma)validity) $(OUT)/direct > $@
$(OUT)/unbinding.json: $(names:%=$(OUT)/direct/%.km)
	$(call compare,unbinding$(comma)ligand) $(OUT)/direct > $@
$(OUT)/cath2.json: $(names:%=$(OUT)/direct/%.km)
	$(call compare,kinetics$(comma)trajectory$(comma)bioemu$(comma)validity) $(OUT)/direct > $@
$(OUT)/octapeptides.json $(OUT)/megasim.json $(OUT)/conformations.json: $(names:%=$(OUT)/direct/%.km)
	$(call compare,bioemu$(comma)validity) $(OUT)/direct > $@
$(OUT)/plain.json $(OUT)/hierarchical.json: $(OUT)/%.json: $(names:%=$(OUT)/$$*/%.km)
	$(call compare,ensemble$(comma)trajectory$(comma)validity) $(OUT)/$* > $@
comma := ,

# seconds of wall time beside each trajectory
timed = mkdir -p $(@D) && start=$$(date +%s%N) && $1 && echo "$* $$((($$(date +%s%N) - start) / 1000000))" > $(@:.km=.ms)
$(OUT)/start/%.km:
	@mkdir -p $(@D)
	$(call start,$*) | $(bin)km-trunk $(weights) -o $@
$(OUT)/direct/%.km: $(OUT)/start/%.km
	$(call timed,$(bin)km-forecast $(weights) --time $(TIME) --dt $(DT) --trajectories $(RUNS) $(FORECAST) -o $@ $<)
$(OUT)/coarse/%.km: $(OUT)/start/%.km
	$(call timed,$(bin)km-forecast $(weights) --time $(TIME) --dt $(DT) $(FORECAST) -o $@ $<)
$(OUT)/plain/%.km: $(OUT)/start/%.km
	$(call timed,$(bin)km-forecast $(weights) --time $(TIME) --dt $(FINE) $(FORECAST) -o $@ $<)
$(OUT)/hierarchical/%.km: $(OUT)/coarse/%.km
	$(call timed,$(bin)km-interp $(weights) --dt $(FINE) $(INTERP) -o $@ $<)

# milliseconds a system: forecasting coarsely and filling in, or forecasting all
$(OUT)/timing.tsv: $(OUT)/plain.json $(OUT)/hierarchical.json
	printf 'name\tcoarse_ms\tinterp_ms\tplain_ms\n' > $@
	for n in $(names); do \
	    printf '%s' $$n; for d in coarse hierarchical plain; do printf '\t%s' "$$(cut -d' ' -f2 $(OUT)/$$d/$$n.ms)"; done; echo; \
	done >> $@

# nanoseconds a day, of the model and of conventional dynamics with explicit water on this machine: needs OpenMM for $(PYTHON)
$(OUT)/speed.tsv: $(names:%=$(OUT)/direct/%.km)
	printf 'name\tmodel_ns_per_day\tmd_ns_per_day\tmd_atoms\tplatform\n' > $@
	set -e; for n in $(names); do \
	    $(bin)km-export $(OUT)/direct/$$n.km $(OUT)/direct/$$n.start.pdb --trajectory 1; \
	    printf '%s\t%s\t' $$n $$(echo $(TIME) | awk -v runs=$(RUNS) -v ms="$$(cut -d' ' -f2 $(OUT)/direct/$$n.ms)" \
	        '{ unit = /us$$/ ? 1000 : /ns$$/ ? 1 : /ps$$/ ? 0.001 : 1e-6; printf "%.4g", $$1 * unit * runs * 86400000 / ms }'); \
	    $(PYTHON) $(here)dynamics_speed.py $(OUT)/direct/$$n.start.pdb; rm $(OUT)/direct/$$n.start.pdb; \
	done >> $@

# How far frames move when a force field minimises them: needs OpenMM for $(PYTHON)
$(OUT)/stability.tsv: $(names:%=$(OUT)/direct/%.km)
	printf 'name\tframe\trmsd_A\tenergy_before_kJ\tenergy_after_kJ\n' > $@
	set -e; for n in $(names); do \
	    $(bin)km-export $(OUT)/direct/$$n.km $(OUT)/direct/$$n.frames.pdb --trajectory 1; \
	    $(PYTHON) $(here)minimise.py $$n $(OUT)/direct/$$n.frames.pdb; rm $(OUT)/direct/$$n.frames.pdb; \
	done >> $@
