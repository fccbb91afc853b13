# SPDX-License-Identifier: MIT
# CATH2 of BioEmu: domains, many times 1 us each.
SET := cath2
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
