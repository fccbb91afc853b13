#!/bin/sh
# SPDX-License-Identifier: MIT
# Build and test dependencies, by Debian 12 name. --check: exit 1 when something is missing; --install: install it with apt
# where that is allowed, else say what would be installed; --install-all: with what the build can do without.
set -eu
build="gcc g++ make pkg-config libc6-dev libdnnl-dev libzstd-dev libmsgpack-dev libhdf5-dev libjansson-dev libyaml-dev libssl-dev zlib1g-dev libcurl4-openssl-dev libarchive-dev liblapacke-dev gemmi-dev tao-pegtl-dev"
tests="bats mandoc perl python3 python3-h5py python3-msgpack python3-numpy python3-zstandard"
optional="libopenmpi-dev openmpi-bin librdkit-dev libboost-dev" # km-train on several processes; ligands as SMILES
[ "${1-}" != --install-all ] || build="$build $optional"
missing=
for p in $build $tests; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "${1-}" = --check ]; then exit 1; fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null && sudo='sudo -n' || {
        echo "kinematic needs these Debian packages; install them with:" >&2
        echo "  sudo apt-get install$missing" >&2
        exit 1
    }
fi
echo "installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
