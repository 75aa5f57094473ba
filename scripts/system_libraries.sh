#!/usr/bin/env bash
# Installs the few system packages that wheels do not carry, if apt-get and the rights are there; otherwise prints what is
# missing and continues: only open3d (extra `points`), torch.compile on a CPU and `python -m venv` need them.
# Usage: scripts/system_libraries.sh [PYTHON]
set -euo pipefail

python=${1:-python3}
[ "$(uname)" = Linux ] || exit 0
PATH=$PATH:/usr/sbin:/sbin # ldconfig is not on every user's path

missing=()
libraries=$(ldconfig -p)
need_library() { grep -q "$1" <<<"$libraries" || missing+=("$2"); } # soname, Debian package

# What open3d's shared library links against beside the C and C++ runtime.
need_library libEGL.so.1 libegl1
need_library libGL.so.1 libgl1
need_library libX11.so.6 libx11-6
need_library libidn2.so.0 libidn2-0
need_library libudev.so.1 libudev1
need_library libusb-1.0.so.0 libusb-1.0-0

# torch.compile builds C++ against Python's headers; Debian keeps those, and what `venv` needs, in packages of their own.
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
command -v g++ >/dev/null || missing+=(g++)
"$python" -c 'import sysconfig, os, sys; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
    missing+=("libpython$version-dev")
"$python" -c 'import ensurepip' 2>/dev/null || missing+=("python$version-venv")

[ ${#missing[@]} -gt 0 ] || exit 0
install="apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends ${missing[*]}"

if ! command -v apt-get >/dev/null; then
    echo "Missing system packages; install what Debian calls: ${missing[*]}" >&2
elif [ "$(id -u)" = 0 ]; then
    sh -c "$install" || echo "Could not install system packages; run later as root: $install" >&2
elif sudo -n true 2>/dev/null; then
    sudo sh -c "$install" || echo "Could not install system packages; run later as root: $install" >&2
else
    echo "Missing system packages; run: sudo sh -c '$install'" >&2
fi
