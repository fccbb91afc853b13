# SPDX-License-Identifier: MIT
# Octapeptides of BioEmu, 5 x 1 us each.
SET := octapeptides
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
