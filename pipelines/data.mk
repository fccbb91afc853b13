# SPDX-License-Identifier: MIT
# The training data: every set, or those named; variables are those of set.mk.
#   make -f pipelines/data.mk atlas LIMIT=20
#   make -j16 -f pipelines/data.mk OUT=/data
SETS := atlas cath2 octapeptides misato mdposit megasim dd13m mdcath
MAKEFLAGS += --keep-going --no-print-directory

.PHONY: all $(SETS)
all: $(SETS)
here := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
$(SETS):
	+@$(MAKE) -f $(here)$@.mk
