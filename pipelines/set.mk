# SPDX-License-Identifier: MIT
# What the makefiles of all sets share: bring, clean and store systems of one set, with the trunk's results.
#   make -f pipelines/atlas.mk LIMIT=20              the first twenty
#   make -j16 -f pipelines/atlas.mk OUT=/data        all, sixteen at a time (or N_JOBS=16)
#   make -f pipelines/atlas.mk SYSTEMS='6okd_C 7lp1_A'
#   make -f pipelines/atlas.mk fetch                 only bring the files, as on a machine that has a network
#   make -f pipelines/atlas.mk SLURM=1 N_JOBS=100 SBATCH_FLAGS='-p cpu -c 4'   an array of so many jobs
# It says first what there is to bring, and stops where that does not fit on the disk. Any of it may be interrupted and repeated: what is
# there is not made again. A system that fails does not stop the others; the status says that there was one. A download that failed is tried
# again the next time, a system that was refused only with RETRY=1. In OUT/SET lie
#   ID.h5          clean trajectories, for km-train --data
#   split.tsv      for km-train --split; OUT/split.tsv is that of all sets in OUT (see split.sh)
#   manifest.tsv   a line a system: frames, time, licence, alignment, and why it was refused or failed
#   systems.txt    the set's list; remove it to ask for it again
#   log/           what the programs said
# and OUT/trunks is for km-train --trunk. What is made of a set in another way (TIER=protein, TEMPERATURE=348) has a folder of its own,
# OUT/SET-VARIANT.
BIN          ?=
OUT          ?= data
RAW          ?= $(OUT)/raw
SYSTEMS      ?=
LIMIT        ?=
RETRY        ?=
# empty: what was brought is removed once it is clean, so that it need not all fit on the disk
KEEP_RAW     ?= 1
# of the trunk; empty: without its results
WEIGHTS      ?= $(RAW)/boltz2/boltz2_conf.ckpt
# alignments, MSA_DIR/ID.CHAIN.a3m; a chain without one is a single sequence
MSA_DIR      ?=
# whole sequences, REFERENCE_DIR/ID.fasta, of which what was simulated is a part: the residues that are missing are kept, marked absent
REFERENCE_DIR ?=
# further options of the programs, as TRUNK='--threads 1' beside -j
FETCH        ?=
STRIP        ?=
TRUNK        ?=
N_JOBS       ?=
SLURM        ?=
SBATCH       ?= sbatch
SQUEUE       ?= squeue
SBATCH_FLAGS ?=
# a makefile says
SET          ?=
raw          ?= $(RAW)/$(SET)/%
needs_ccd    ?=
form         ?=

here := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
self := $(here)$(SET).mk
bin  := $(if $(BIN),$(BIN)/,)
name := $(SET)$(form:%=-%)
dir  := $(OUT)/$(name)
log  := $(dir)/log
list := $(dir)/systems.txt
step := sh $(here)step.sh
choice = $(LIMIT:%=--limit %) $(SYSTEMS:%=--only %)
again  = $(MAKE) --no-print-directory -f $(self)

# For ligands. Empty: none.
ifdef needs_ccd
CCD ?= $(RAW)/ccd/components.cif.gz
endif
# A file, unless it is the name of an installed model.
weights := $(if $(findstring /,$(WEIGHTS)),$(WEIGHTS))
trunk   := $(if $(WEIGHTS),trunk.$(notdir $(WEIGHTS)))

.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.PHONY: all list fetch systems finish submit
.DEFAULT_GOAL := all

ifdef SLURM
all: submit
else
all: list
	@$(if $(KEEP_RAW),$(bin)km-fetch -o $(RAW) $(FETCH) --tries 1 --dry-run $(choice) $(SET) >/dev/null; [ $$? -ne 1 ])
	+@$(again) -k $(N_JOBS:%=-j%) systems || true
	@$(again) finish
endif

list: $(if $(SYSTEMS),,$(list))
$(list):
	@mkdir -p $(log)
	@$(bin)km-fetch -q -o $(RAW) $(FETCH) --list $(SET) >$@.new && cut -f1 $@.new >$@.ids && mv $@.ids $@ && rm $@.new

fetch:
	$(bin)km-fetch -o $(RAW) $(FETCH) $(N_JOBS:%=-j%) $(choice) $(SET)

# -- the systems asked for, of which a task of an array takes every SHARDS'th

SHARD  ?= 0
SHARDS ?= 1
source := $(if $(SYSTEMS),printf '%s\n' $(SYSTEMS),cat $(list)) | awk 'NR % $(SHARDS) == $(SHARD)$(if $(LIMIT), && NR <= $(LIMIT))'
ifneq ($(filter systems,$(MAKECMDGOALS)),)
refused := $(if $(RETRY),,$(patsubst $(log)/%.refused,%,$(wildcard $(log)/*.refused)))
todo    := $(filter-out $(refused),$(shell $(source)))
endif

systems: $(todo:%=$(log)/%.info) $(if $(trunk),$(todo:%=$(log)/%.$(trunk)))

# The alignments that there are of a system.
alignments = $(if $(MSA_DIR),$(wildcard $(MSA_DIR)/$(1).*.a3m))
reference  = $(if $(REFERENCE_DIR),$(wildcard $(REFERENCE_DIR)/$(1).fasta))

$(raw):
	@$(step) fetch $(log)/$(or $*,$(SET)) - $(bin)km-fetch -o $(RAW) $(FETCH) $(if $*,--only $*) $(SET)
$(dir)/%.h5: $(raw) $$(call alignments,$$*) $$(call reference,$$*) | $$(CCD)
	@$(step) strip $(log)/$* $@ $(bin)km-strip --set $(SET) --id $* -o $@ $(CCD:%=--ccd %) \
	    $(foreach f,$(call alignments,$*),--msa $(patsubst $*.%.a3m,%,$(notdir $(f)))=$(f)) $(patsubst %,--reference % --unresolved keep,$(call reference,$*)) $(STRIP) $<
	@$(if $(KEEP_RAW),,$(if $(findstring %,$(raw)),rm -rf $<))
$(log)/%.info: $(dir)/%.h5
	@$(bin)km-info --verify $< >$@.new && mv $@.new $@
	@echo $(name) $*
ifneq ($(trunk),)
$(log)/%.$(trunk): $(dir)/%.h5 $(weights)
	@$(step) trunk $(log)/$* - $(bin)km-trunk --weights $(WEIGHTS) --cache $(OUT)/trunks $(TRUNK) $<
	@touch $@
endif

$(RAW)/ccd/components.cif.gz:
	$(bin)km-fetch -o $(RAW) ccd
$(RAW)/boltz2/boltz2_conf.ckpt:
	$(bin)km-fetch -o $(RAW) --only $(@F) boltz2

finish:
	@$(source) | awk -v set=$(name) -v dir=$(dir) -v trunk=$(trunk) -f $(here)manifest.awk; s=$$?; sh $(here)split.sh $(OUT) && rm -f $(log)/job && exit $$s

# -- Slurm: the tasks of the array, then what is left to do, by which log/job goes: the number of the job that does it

define script
#!/bin/sh
cd '$(CURDIR)' && exec $(MAKE) --no-print-directory -f '$(self)' $(1) $(foreach v,$(settings),$(v)='$($(v))')
endef
settings := BIN OUT RAW SYSTEMS LIMIT RETRY KEEP_RAW WEIGHTS MSA_DIR REFERENCE_DIR FETCH STRIP TRUNK $(CHOICES) $(if $(CCD),CCD)
submit: list
	$(if $(N_JOBS),,$(error SLURM=1 needs N_JOBS=N: the tasks of the array))
	@if [ -e $(log)/job ] && job=$$(cat $(log)/job) && left=$$($(SQUEUE) -h -j $$job -o %T 2>&1 || echo unknown) && [ -n "$$left" ] && \
	    ! printf '%s\n' "$$left" | grep -q 'Invalid job id'; then \
	    echo "$(name): job $$job is under way; scancel it, or remove $(log)/job when there is no such job" >&2; exit 1; fi
	$(file >$(log)/tasks.sh,$(call script,-k -j"$${SLURM_CPUS_PER_TASK:-1}" systems SHARD="$$SLURM_ARRAY_TASK_ID" SHARDS=$(N_JOBS)))
	$(file >$(log)/finish.sh,$(call script,finish))
	job=$$($(SBATCH) --parsable --job-name=$(name) --array=0-$$(($(N_JOBS) - 1)) --output=$(log)/task-%a.out $(SBATCH_FLAGS) $(log)/tasks.sh) && \
	job=$$($(SBATCH) --parsable --job-name=$(name)-finish --dependency=afterany:$${job%%;*} --output=$(log)/finish.out $(SBATCH_FLAGS) \
	    $(log)/finish.sh) && echo "$$job" && echo "$${job%%;*}" >$(log)/job
