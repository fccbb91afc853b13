# SPDX-License-Identifier: MIT
# DD-13M: ligands that leave their proteins, by enhanced sampling.
SET := dd13m
needs_ccd := 1
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
