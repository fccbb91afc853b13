# SPDX-License-Identifier: MIT
# make demo: from a peptide's structure to a trajectory, a table and a page of figures, with the small model.
#   make -f pipelines/demo.mk BIN=build/bin [X=LGE] [OUT=build/demo]
BIN ?= build/bin
OUT ?= build/demo
X   ?= LGE
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
PDB  := $(HERE)mini/examples/$(X).pdb

.DELETE_ON_ERROR:
.PHONY: demo
demo: $(OUT)/traj.xtc $(OUT)/table.txt $(OUT)/demo.html
	@cat $(OUT)/table.txt
	@echo 'trajectory: $(OUT)/traj.xtc, topology: $(OUT)/traj.pdb'
	@echo 'figures: $(OUT)/demo.html (open it in a browser)'

# the weights where they lie in the tree: others have other results
$(OUT)/init.km: $(PDB) $(wildcard $(HERE)mini/mini.safetensors)
	@mkdir -p $(@D)
	$(BIN)/km-tokenize $< | $(BIN)/km-trunk --weights mini -o $@
$(OUT)/traj.km: $(OUT)/init.km
	$(BIN)/km-forecast --dt 50ps --time 5ns < $< | $(BIN)/km-interp --dt 5ps -o $@
$(OUT)/traj.xtc: $(OUT)/traj.km
	$(BIN)/km-export --top $(OUT)/traj.pdb $< $@
# the reference: a short piece of real dynamics of the same peptide
$(OUT)/table.txt $(OUT)/demo.html &: $(OUT)/traj.km
	$(BIN)/km-eval --dt 5ps --top $(PDB) --ref $(HERE)mini/examples/$(X).xtc --baselines --html $(OUT)/demo.html $< > $(OUT)/table.txt
