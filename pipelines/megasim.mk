# SPDX-License-Identifier: MIT
# MegaSim of BioEmu: small proteins and their mutants, 1 us each.
SET := megasim
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
