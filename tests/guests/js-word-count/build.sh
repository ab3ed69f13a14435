#!/bin/sh
# Builds the component into tests/guests/dist. Needs npm.
set -eu
cd "$(dirname "$0")"
# Not `npm ci`: it refuses a lock without the bindings of every platform, and some of them were never published.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm install --no-save --no-audit --no-fund --loglevel=error
mkdir -p ../dist
npx componentize-qjs --sync --wit ../../../wit --world processor --module-root . --js word-count.js --output ../dist/js_word_count.wasm
