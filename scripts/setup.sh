#!/usr/bin/env bash
# Installs what the build needs and this machine lacks, from Debian's packages: each only where its command or file is missing.
# Not root: prints the line that would do it, and fails. Arguments: commands that are needed besides, as COMMAND or COMMAND:PACKAGE.
set -euo pipefail

packages=()
need() { packages+=("$@"); }
has() { command -v "$1" >/dev/null 2>&1; }

has cargo || { echo "error: cargo is missing. hint: install Rust 1.95 or newer, https://rustup.rs" >&2; exit 1; }
has make || need make
has c++ || need g++
has clang || need clang
ls /usr/lib/llvm-*/lib/libclang.so* /usr/lib/*/libclang*.so* >/dev/null 2>&1 || need libclang-dev
has ccache || need ccache
has pkg-config || need pkg-config
# librdkafka's.
[ -e /usr/include/openssl/ssl.h ] || need libssl-dev
[ -e /usr/include/zlib.h ] || need zlib1g-dev
has node || need nodejs
has npm || need npm
has python3 || need python3
# A real Kafka for tests: Maven fetches it, openssl makes its certificate.
has javac || need default-jdk-headless
has mvn || need maven
has openssl || need openssl
# Guests: the Rust target where rustup has it, else Debian's compiler and its sources.
if ! { has rustup && rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown; }; then
  { [ -x /usr/bin/rustc ] && [ -e /usr/lib/rustlib/src/rust/library/Cargo.toml ]; } || need rustc-web rust-web-src
  has wasm-ld || need lld
fi
for wanted in "$@"; do has "${wanted%:*}" || need "${wanted#*:}"; done

[ ${#packages[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "error: packages are missing. hint: sudo apt-get install -y ${packages[*]}" >&2
  exit 1
fi
echo "installing: ${packages[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
