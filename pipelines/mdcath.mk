# SPDX-License-Identifier: MIT
# mdCATH: domains; of its temperatures km-strip takes the lowest.
SET := mdcath
raw = $(RAW)/mdcath/mdcath_dataset_%.h5
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
