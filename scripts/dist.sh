#!/usr/bin/env bash
# Packs the command, its stock components inside, into dist/cofferdam-<version>-<target>.tar.gz, and looks whether the archive works.
#
# COFFERDAM_BINARY=FILE packs that command instead of building an optimised one.
source "$(dirname "$0")/env.sh"

binary="${COFFERDAM_BINARY:-}"
if [ -z "$binary" ]; then
  say "components and command, optimised"
  scripts/components.sh plugins
  cargo build --profile dist
  binary="$target/dist/cofferdam"
fi

version="$("$binary" --version | cut -d ' ' -f 2)" || { echo "error: $binary does not run here" >&2; exit 1; }
platform="$(rustc -vV | sed -n 's/^host: //p')"
name="cofferdam-$version-$platform"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# The same sources give the same archive: nothing in it depends on who packs, or when.
install -D -m 755 "$binary" "$scratch/$name/cofferdam"
install -m 644 LICENSE README.md "$scratch/$name"
mkdir -p dist
when="$(git log -1 --format=%ct 2>/dev/null || echo 0)"
tar --create --directory "$scratch" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$when" "$name" | gzip -9 -n > "dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")

# A table needs a stock component, and nothing else: an archive that checks one has what an empty machine needs.
mkdir "$scratch/unpacked"
tar --extract --gzip --file "dist/$name.tar.gz" --directory "$scratch/unpacked"
printf '[app]\nid = "packed"\n[tables.t]\ntopic = "t"\n[sinks.out]\ntopic = "out"\nfrom = ["t"]\n' > "$scratch/unpacked/app.toml"
(cd "$scratch/unpacked" && "./$name/cofferdam" check app.toml > checked) || { echo "error: the command in the archive does not work" >&2; exit 1; }

say "dist/$name.tar.gz ($(du -h "dist/$name.tar.gz" | cut -f 1))"
