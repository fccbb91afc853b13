# SPDX-License-Identifier: MIT
# Kinematic. `make help` says what there is to make; config.mak (not kept in git) may set any variable below.
-include config.mak

PREFIX   ?= /usr/local
DESTDIR  ?=
VARIANT  ?= release
CC       ?= gcc
CXX      ?= g++
V        ?=
Q        := $(if $(V),,@)
VERSION  := 0.1.0

B := $(if $(filter release,$(VARIANT)),build,build/$(VARIANT))
O := $(B)/obj

PKGS     := libzstd msgpack hdf5 jansson yaml-0.1 libcrypto zlib lapacke
OPT      := -O2 -g
WARN     := -Wall -Wextra -Wno-missing-field-initializers -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wpointer-arith -Wvla
WARNXX   := -Wall -Wextra
ifeq ($(DEVELOPER),1)
WARN += -Werror
WARNXX += -Werror
endif
SANITIZE.asan  := -fsanitize=address -fno-omit-frame-pointer
SANITIZE.ubsan := -fsanitize=undefined -fno-sanitize-recover=all
SANITIZE.tsan  := -fsanitize=thread
SAN      := $(SANITIZE.$(VARIANT))
# gemmi's headers shift a negative number to the left (seqid.hpp), as C++20 allows and C++17 does not
SANXX.ubsan := -fno-sanitize=shift-base
DEFS     := -D_GNU_SOURCE -DKM_VERSION='"$(VERSION)"' -DKM_PREFIX='"$(PREFIX)"' -DKM_VARIANT='"$(VARIANT)"'
CPPFLAGS += -I. $(DEFS) $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS_  := -std=c11 $(OPT) -fPIC -fopenmp $(SAN) $(WARN) $(CFLAGS)
CXXFLAGS_:= -std=c++17 $(OPT) -fPIC $(SAN) $(SANXX.$(VARIANT)) $(WARNXX) $(CXXFLAGS)
LDLIBS_  := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -ldnnl -lstdc++ -lm -ldl -lpthread $(LDLIBS)
LDFLAGS_ := -fopenmp $(SAN) $(LDFLAGS)
# Programs find libraries that lie beside them, and those theirs, wherever the folder is moved to.
RPATH    := -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/../lib'

# CPU kernels are compiled once for each instruction set and chosen at run time.
ISAS        := base avx2 avx512
ISA.base    :=
ISA.avx2    := -mavx2 -mfma -mf16c -ffp-contract=fast
ISA.avx512  := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512 -ffp-contract=fast

# The library for NVIDIA GPUs is built where nvcc is found: on the PATH, or where the toolkit installs itself. Every family
# is compiled for two types of activations.
NVCC     ?= $(or $(shell command -v nvcc 2>/dev/null),$(wildcard /usr/local/cuda/bin/nvcc))
NVCC_    := $(if $(filter ccache,$(CC)),ccache) $(NVCC)
CUDA_ARCH:= $(foreach a,80 90,-gencode arch=compute_$(a),code=sm_$(a)) -gencode arch=compute_90,code=compute_90
NVCCFLAGS_ := -std=c++17 -O3 $(CUDA_ARCH) -Werror all-warnings -Xcompiler -fPIC -I. $(DEFS) $(NVCCFLAGS)
CUDA_T   := f32 bf16
T.f32    :=
T.bf16   := -DKM_CUDA_BF16
CUDA_CU  := $(wildcard kernels/cuda/*.cu)
CUDA_ONE := $(addprefix kernels/cuda/,calls.cu device.cu gemm.cu group.cu python.cu rehearsal.cu table.cu)
CUDA_FAMILIES := $(filter-out $(CUDA_ONE),$(CUDA_CU))
CUDA_OBJ  = $(foreach t,$(CUDA_T),$(CUDA_FAMILIES:%.cu=$(1)/%.$(t).o))
CUDA_O   := $(call CUDA_OBJ,$(O)) $(CUDA_ONE:%.cu=$(O)/%.f32.o)
CUDA_SO  := $(if $(NVCC),$(B)/libkm-cuda.so)
# The same sources on the processor, for the tests; tests/emulate/race.cc is told of every access to memory.
RACES     := $(if $(SAN),,-fsanitize=thread,alignment)
EMULATE   := $(filter-out $(patsubst %,tests/emulate/%.cc,constants $(if $(SAN),planted race_calls)),$(wildcard tests/emulate/*.cc))
EMULATE_O := $(call CUDA_OBJ,$(O)/emulate) $(CUDA_ONE:%.cu=$(O)/emulate/%.f32.o) $(EMULATE:%.cc=$(O)/%.o)
NVIDIA_H  := $(if $(NVCC),$(wildcard $(dir $(NVCC))../include/cublasLt.h))

FETCH_C  := $(wildcard lib/fetch/*.c)

# What knows MPI is a library of its own, made where there is one and loaded when a launcher of processes asks for it.
MPI_C    := lib/train/mpi.c
MPI_LIBS := $(shell pkg-config --libs mpi-c 2>/dev/null)
MPI_SO   := $(if $(MPI_LIBS),$(B)/libkm-mpi.so)

# And what knows RDKit, which has no .pc file and needs Boost's headers: for ligands of SMILES.
RDKIT    ?= $(and $(wildcard /usr/include/boost/version.hpp),$(wildcard /usr/include/rdkit))
RDKIT_CC := formats/smiles_rdkit.cc
RDKIT_SO := $(if $(RDKIT),$(B)/libkm-rdkit.so)

LIB_C    := $(filter-out $(FETCH_C) $(MPI_C),$(wildcard lib/*/*.c lib/*/*/*.c formats/*.c kernels/*.c))
LIB_CC   := $(filter-out $(RDKIT_CC),$(wildcard formats/*.cc))
KERNEL_C := $(wildcard kernels/cpu/*.c)
REF_C    := $(wildcard kernels/ref/*.c)
TOOL_C   := $(wildcard tools/km-*.c)
TOOL_LIB := $(filter-out $(TOOL_C),$(wildcard tools/*.c))
UNIT_C   := $(wildcard tests/unit/test_*.c)
ORACLE_C := $(wildcard tests/oracle/*.c)
FUZZ_C   := $(wildcard tests/fuzz/fuzz_*.c)
UNIT_LIB := $(filter-out $(UNIT_C),$(wildcard tests/unit/*.c))
BATS     := $(wildcard tests/cli/*.bats)

KERNEL_O := $(foreach i,$(ISAS),$(KERNEL_C:%.c=$(O)/%.$(i).o))
LIB_O    := $(LIB_C:%.c=$(O)/%.o) $(LIB_CC:%.cc=$(O)/%.o)
FETCH_O  := $(FETCH_C:%.c=$(O)/%.o)
REF_O    := $(REF_C:%.c=$(O)/%.o)
TOOLS    := $(TOOL_C:tools/%.c=$(B)/bin/%)
# Fuzz targets are replayed on the files kept of them, as tests among tests.
UNITS    := $(UNIT_C:tests/unit/%.c=$(B)/tests/unit/%) $(FUZZ_C:tests/fuzz/%.c=$(B)/tests/fuzz/%)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all lib fuzz test test-unit test-cli test-long asan ubsan tsan bench lint demo install uninstall dist clean deps help test-gpu device-bundle print-config FORCE

all: $(TOOLS) $(MPI_SO) $(RDKIT_SO) $(B)/tests/oracle $(CUDA_SO) ## build the programs

# deps is asked for only where a library cannot be found, so that `make demo` and `make test` work as the first command typed.
$(O)/.deps-ok: tools/deps.sh
	@mkdir -p $(@D)
	$(Q)sh tools/deps.sh --check || sh tools/deps.sh --install
	@touch $@

# Objects depend on the flags they were made with.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS_) $(CXXFLAGS_) $(foreach i,$(ISAS),$(ISA.$(i)))
$(O)/.flags: FORCE
	@mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS))' > $@

define say
@$(if $(V),,printf '  %-4s %s\n' $(1) $(2);)
endef

define isa_rule
$(O)/kernels/cpu/%.$(1).o: kernels/cpu/%.c $(O)/.flags | $(O)/.deps-ok
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$$(Q)$$(CC) $$(CPPFLAGS) $$(CFLAGS_) -O3 $(ISA.$(1)) -DKM_ISA=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

$(O)/%.o: %.c $(O)/.flags | $(O)/.deps-ok
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_) -MMD -MP -c -o $@ $<
$(O)/%.o: %.cc $(O)/.flags | $(O)/.deps-ok
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS_) -MMD -MP -c -o $@ $<

define cuda_rules
$(O)/kernels/cuda/%.$(1).o: kernels/cuda/%.cu $(O)/.flags
	@mkdir -p $$(@D)
	$$(call say,NVCC,$$<)
	$$(Q)$$(NVCC_) $$(NVCCFLAGS_) $$(T.$(1)) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<
$(O)/emulate/kernels/cuda/%.$(1).o: kernels/cuda/%.cu $(O)/.flags tests/emulate/emulate.h
	@mkdir -p $$(@D)
	$$(call say,CXX,$$<)
	$$(Q)$$(CXX) $$(CPPFLAGS) $$(CXXFLAGS_) $$(RACES) $$(T.$(1)) -Itests/emulate/include -include tests/emulate/emulate.h -MMD -MP -c -o $$@ -x c++ $$<
endef
$(foreach t,$(CUDA_T),$(eval $(call cuda_rules,$(t))))
$(O)/tests/emulate/planted.o: CXXFLAGS_ += $(RACES)
# what has no kernels
$(patsubst %.cu,$(O)/emulate/%.f32.o,$(filter-out %/table.cu,$(CUDA_ONE))): RACES :=

$(B)/libkm-cuda.so: $(CUDA_O)
	$(call say,LD,$@)
	$(Q)$(NVCC) -shared -cudart static -Xlinker --no-undefined -o $@ $^ -ldl
# Beside the tests, where they find it before any other, and it itself under the names that it opens libraries by.
$(B)/tests/unit/libkm-cuda.so: $(EMULATE_O) | $(if $(NVIDIA_H),$(O)/tests/emulate/constants.o)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CXX) -shared -Wl,-Bsymbolic $(if $(SAN),,-Wl,--no-undefined) $(SAN) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN' -o $@ $^ -ldl
	$(Q)ln -sf $(@F) $(@D)/libcublasLt.so.0; ln -sf $(@F) $(@D)/libnccl.so.2
$(O)/tests/emulate/constants.o: CPPFLAGS += -isystem $(dir $(NVIDIA_H))

lib: $(B)/libkm.a $(B)/libkm.so
$(B)/libkm.a: $(LIB_O) $(KERNEL_O)
	$(call say,AR,$@)
	$(Q)rm -f $@; ar rcs $@ $^
$(B)/libkm.so: $(LIB_O) $(KERNEL_O)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libkm.so.0 $(LDFLAGS_) -o $@ $^ $(LDLIBS_)

$(B)/libkm-mpi.so: $(MPI_C) lib/train/ranks.h $(O)/.flags
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(CPPFLAGS) $(CFLAGS_) $(shell pkg-config --cflags mpi-c 2>/dev/null) $(LDFLAGS_) -o $@ $(MPI_C) $(MPI_LIBS)

$(B)/libkm-rdkit.so: $(RDKIT_CC) formats/smiles.h lib/base/component.h lib/base/system.h $(O)/.flags
	$(call say,LD,$@)
	$(Q)$(CXX) -shared $(CPPFLAGS) -isystem $(RDKIT) $(CXXFLAGS_) -o $@ $(RDKIT_CC) $(foreach l,DistGeomHelpers ForceFieldHelpers SmilesParse GraphMol RDGeneral,-lRDKit$l)

$(B)/bin/%: $(O)/tools/%.o $(TOOL_LIB:%.c=$(O)/%.o) $(KERNEL_O) $(B)/libkm.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_) $(RPATH) -o $@ $^ $(LDLIBS_)
# lib/fetch is linked to the one program that needs it: libkm asks neither for curl nor for libarchive.
$(B)/bin/km-fetch: $(O)/tools/km-fetch.o $(FETCH_O) $(TOOL_LIB:%.c=$(O)/%.o) $(KERNEL_O) $(B)/libkm.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_) $(RPATH) -o $@ $^ -lcurl -larchive $(LDLIBS_)
$(B)/tests/unit/%: $(O)/tests/unit/%.o $(UNIT_LIB:%.c=$(O)/%.o) $(REF_O) $(KERNEL_O) $(B)/libkm.a | $(B)/tests/unit/libkm-cuda.so
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_) $(RPATH) -o $@ $^ $(LDLIBS_)
$(B)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/replay.o $(O)/tests/unit/tap.o $(B)/libkm.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/../..' -o $@ $^ $(LDLIBS_)
$(B)/tests/fuzz/fuzz_smiles: | $(RDKIT_SO)
$(B)/tests/oracle: $(O)/tests/oracle.o $(ORACLE_C:%.c=$(O)/%.o) $(KERNEL_O) $(B)/libkm.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_) $(RPATH) -o $@ $^ $(LDLIBS_)

test: all lib $(UNITS) ## build and run every test
	$(Q)sh tests/run.sh $(B) $(UNITS) -- $(BATS)
# (a sanitizer's dlopen knows no paths of the library that calls it)
test-unit: $(UNITS)
	$(Q)$(if $(SAN),LD_LIBRARY_PATH=$(abspath $(B)/tests/unit)) sh tests/run.sh $(B) $(UNITS) --
test-cli: all lib
	$(Q)sh tests/run.sh $(B) -- $(BATS)
test-gpu: all $(filter $(B)/tests/unit/test_op_% $(B)/tests/unit/test_cuda $(B)/tests/unit/test_device $(B)/tests/unit/test_replay,$(UNITS)) ## operations, reference cases, whole runs on a GPU, where there is one
	$(Q)LD_LIBRARY_PATH=$(abspath $(B)) sh tests/device.sh $(B)/bin $(B)/tests/unit $(B)/tests/oracle tests/data/oracle pipelines/mini/examples/LGE
test-long: all ## second opinions from PyPI
	$(Q)sh tests/long/run.sh $(B)
asan ubsan tsan: ## the unit tests under a sanitizer
	$(Q)$(MAKE) VARIANT=$@ test-unit
bench: $(B)/bin/km-bench ## how fast the parts are, as JSON
	$(Q)$(B)/bin/km-bench all

# What clang's fuzzer needs is compiled by clang, without the kernels, and the C++ only for structures.
TARGET ?= km
TIME   ?= 60
FUZZ_SOURCES := $(wildcard lib/base/*.c formats/km*.c formats/msa*.c formats/safetensors*.c formats/torch*.c formats/zip.c formats/traj*.c \
    formats/xtc*.c formats/trr.c formats/dcd.c formats/netcdf.c formats/npz.c)
CCD_SOURCES := $(wildcard formats/ccd*.c formats/bcif.c formats/cif.c formats/slurp.c)
FUZZ_SOURCES.ccd       := $(CCD_SOURCES)
FUZZ_SOURCES.sdf       := formats/sdf.c formats/slurp.c
FUZZ_SOURCES.smiles    := formats/smiles.c
$(foreach t,structure schema template,$(eval FUZZ_SOURCES.$t := $$(CCD_SOURCES) $$(wildcard lib/chem/*.c formats/structure*.c) \
    formats/sdf.c formats/smiles.c formats/yaml.c)$(eval FUZZ_CC.$t := $$(wildcard formats/structure*.cc formats/template*.cc)))
FUZZ_SOURCES.h5 := $(FUZZ_SOURCES.structure) $(wildcard formats/h5*.c lib/sets/*.c)
FUZZ_CC.h5      := $(FUZZ_CC.structure)
fuzz: ## with clang: make fuzz TARGET=km TIME=60
	@mkdir -p build/fuzz/$(TARGET)
	$(Q)for f in $(FUZZ_CC.$(TARGET)); do \
	    clang++ -std=c++17 -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=vptr $(CPPFLAGS) -c -o build/fuzz/$$(basename $$f .cc).o $$f || exit 1; done
	$(Q)clang -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined $(CPPFLAGS) -o build/fuzz/fuzz_$(TARGET) \
	    tests/fuzz/fuzz_$(TARGET).c $(FUZZ_SOURCES) $(FUZZ_SOURCES.$(TARGET)) $(FUZZ_CC.$(TARGET):formats/%.cc=build/fuzz/%.o) $(LDLIBS_)
	$(Q)build/fuzz/fuzz_$(TARGET) -max_total_time=$(TIME) -artifact_prefix=build/fuzz/ build/fuzz/$(TARGET) tests/data/fuzz/$(TARGET)

lint: all ## layers, warnings as errors, man pages, words that do not belong
	$(Q)sh tests/lint.sh
	$(Q)$(MAKE) --no-print-directory DEVELOPER=1 VARIANT=lint all $(UNITS:$(B)/%=build/lint/%)

demo: $(TOOLS) ## from a peptide to a trajectory and a picture, with the small model
	$(Q)$(MAKE) --no-print-directory -f pipelines/demo.mk BIN=$(abspath $(B)/bin) demo

deps: ## install what is missing from Debian, or say what would be installed
	$(Q)sh tools/deps.sh --install

# The bundle's programs and tests share libkm.so, to be small; km-fetch, which brings half of Debian with it, stays out.
BUNDLE   := $(B)/device-bundle
BUNDLED  := $(filter-out $(BUNDLE)/bin/km-fetch,$(TOOL_C:tools/%.c=$(BUNDLE)/bin/%)) $(BUNDLE)/tests/oracle \
    $(patsubst tests/unit/%.c,$(BUNDLE)/tests/%,$(filter tests/unit/test_op_%,$(UNIT_C)) tests/unit/test_cuda.c tests/unit/test_device.c tests/unit/test_replay.c)
define bundled
@mkdir -p $(@D)
$(call say,LD,$@)
$(Q)$(CC) $(LDFLAGS_) $(RPATH) -s -Wl,--as-needed -o $@ $(filter %.o,$^) -L$(B) -lkm $(LDLIBS_)
endef
$(BUNDLE)/bin/%: $(O)/tools/%.o $(TOOL_LIB:%.c=$(O)/%.o) $(B)/libkm.so
	$(bundled)
$(BUNDLE)/tests/oracle: $(O)/tests/oracle.o $(ORACLE_C:%.c=$(O)/%.o) $(B)/libkm.so
	$(bundled)
$(BUNDLE)/tests/%: $(O)/tests/unit/%.o $(UNIT_LIB:%.c=$(O)/%.o) $(REF_O) $(B)/libkm.so
	$(bundled)
device-bundle: $(BUNDLED) $(CUDA_SO) ## programs, tests and libraries in build/device-bundle, for a bare machine with a driver
	$(Q)sh tools/bundle.sh $(B) $(BUNDLE)

DATA_DIR := $(DESTDIR)$(PREFIX)/share/kinematic
install: all lib ## PREFIX=/usr/local
	$(Q)PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' VERSION='$(VERSION)' sh tools/install.sh $(B)
uninstall: ## take away what install put there
	$(Q)PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' VERSION='$(VERSION)' sh tools/install.sh --remove $(B)
dist: ## a source archive
	git archive --prefix=kinematic-$(VERSION)/ -o kinematic-$(VERSION).tar.gz HEAD
clean: ## remove build/
	rm -rf build
print-config: ## what was found and will be used
	@echo 'CC=$(CC) VARIANT=$(VARIANT) B=$(B) PREFIX=$(PREFIX)'; echo 'CPPFLAGS=$(CPPFLAGS)'; echo 'LDLIBS=$(LDLIBS_)'
	@echo 'nvcc: $(or $(NVCC),not found; processor only)'
help: ## this list
	@sed -n 's/^\([a-z][a-z -]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS='	' read -r t d; do printf '  %-16s %s\n' "$$t" "$$d"; done

-include $(shell find $(O) -name '*.d' 2>/dev/null)
