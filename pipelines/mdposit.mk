# SPDX-License-Identifier: MIT
# MDposit: what its projects are. FETCH='--base-url https://dynarepo.inria.fr/api/rest/v1' is DynaRepo.
SET := mdposit
needs_ccd := 1
include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))set.mk
