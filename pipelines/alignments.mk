# SPDX-License-Identifier: MIT
# Alignments of sequences with the search programs that are there, one target each:
#   make -j2 -f pipelines/alignments.mk SEQUENCES='a.fasta b.fasta' WITH=hhblits DB=/data/UniRef30_2023_02 OUT=alignments
#   make -f pipelines/alignments.mk SEQUENCES='a.fasta' WITH=mmseqs DB=/data/uniref50
#   km-tokenize --msa A=alignments/a.a3m structure.cif
# A FASTA file holds one sequence, that of a chain; it becomes the query. WITH=hhblits takes a database of hh-suite, WITH=mmseqs one of
# `mmseqs createdb` or `mmseqs databases`. SEARCH holds further options of the search.
WITH      ?= hhblits
DB        ?=
OUT       ?= alignments
THREADS   ?= 4
SEARCH    ?=
HHBLITS   ?= hhblits
MMSEQS    ?= mmseqs
SEQUENCES ?= $(wildcard *.fasta)
names     := $(basename $(notdir $(SEQUENCES)))
vpath %.fasta $(sort $(dir $(SEQUENCES)))

.DELETE_ON_ERROR:
.PHONY: all
all: $(names:%=$(OUT)/%.a3m)
$(OUT):
	mkdir -p $@
ifeq ($(WITH),hhblits)
$(OUT)/%.a3m: %.fasta | $(OUT)
	$(HHBLITS) -i $< -d $(DB) -oa3m $@ -o /dev/null -n 3 -e 0.001 -cpu $(THREADS) $(SEARCH)
else ifeq ($(WITH),mmseqs)
$(OUT)/%.a3m: %.fasta | $(OUT)
	rm -rf $@.work && mkdir $@.work
	$(MMSEQS) createdb $< $@.work/query
	$(MMSEQS) search $@.work/query $(DB) $@.work/hits $@.work/tmp -a --num-iterations 3 --threads $(THREADS) $(SEARCH)
	$(MMSEQS) result2msa $@.work/query $(DB) $@.work/hits $@.work/msa --msa-format-mode 5 --threads $(THREADS)
	$(MMSEQS) unpackdb $@.work/msa $@.work --unpack-name-mode 0 --unpack-suffix .a3m
	mv $@.work/0.a3m $@ && rm -rf $@.work
else
$(error WITH=$(WITH): hhblits or mmseqs)
endif
