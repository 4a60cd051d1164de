#!/bin/sh
# Obtains a server of the MongoDB protocol for the tests on a machine without Docker: FerretDB 1.24 with its
# SQLite backend, built through the Go module proxy. Takes a few minutes the first time, nothing afterwards.
#
# Usage: .ci/mongo/obtain.sh
# Result: ${HOLDFAST_TOOLS_DIR:-$HOME/.cache/holdfast-tools}/bin/ferretdb, whose path is the last line of stdout.
set -eu

version=1.24.0
# Names the changes made below to the source, so that a binary without them is built anew.
edition=v$version-keyed
module=github.com/FerretDB/FerretDB
# Hash of the module as the Go checksum database has it: the build stops when other bytes arrive.
expectedSum='h1:7WJmezL48Bj9bYWnhT/bEJgX5gjT5s7LFdHTqkN25rA='
tools=${HOLDFAST_TOOLS_DIR:-$HOME/.cache/holdfast-tools}
binary=$tools/bin/ferretdb

say() { printf '%s\n' "obtain ferretdb: $*" >&2; }

if [ -x "$binary" ] && "$binary" --version 2>/dev/null | grep -q "$edition"; then
  say "$edition is there already"
  printf '%s\n' "$binary"
  exit 0
fi

if ! command -v go >/dev/null 2>&1; then
  say "Go is not on PATH. Install Go 1.22 or newer, or set HOLDFAST_TEST_MONGODB_URL to a MongoDB server."
  exit 1
fi

mkdir -p "$tools/bin"
work=$(mktemp -d "$tools/ferretdb-build.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

say "downloading $module v$version"
# Not `go install module@version`: that asks the proxy for the list of all versions, which mirrors may not serve.
(cd "$work" && go mod download -json "$module@v$version" >download.json)
field() { sed -n "s/^[[:space:]]*\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p" "$work/download.json" | head -n 1; }
if [ "$(field Sum)" != "$expectedSum" ]; then
  say "the module has the checksum '$(field Sum)', expected '$expectedSum'"
  exit 1
fi

cp -R "$(field Dir)" "$work/source"
chmod -R u+w "$work/source"
# The program refuses to start without this file, which the module zip does not carry.
printf '%s\n' "$edition" >"$work/source/build/version/version.txt"

# Replaces text in a source file, and stops when it is not there.
change() {
  sed -i.before "$2" "$work/source/$1"
  if cmp -s "$work/source/$1" "$work/source/$1.before"; then
    say "the place in $1 that was to be changed is not there"
    exit 1
  fi
  rm "$work/source/$1.before"
}
# Two changes, without which each look-up by id reads the whole collection: a compare-and-set took 100 ms among 1,000
# documents. The query must name the id as the index does, and the index is of use also where the filter has further
# conditions (what it finds is filtered by them in any case).
change internal/backends/sqlite/metadata/metadata.go 's/+ "->.*_id.*"$/+ `->"_id"`/'
change internal/backends/sqlite/collection.go 's/if params\.Filter\.Len() == 1 {/if params.Filter.Len() > 0 {/'

say "building (some minutes)"
(
  cd "$work/source"
  CGO_ENABLED=0 GOFLAGS=-buildvcs=false nice -n 10 \
    go build -trimpath -tags ferretdb_no_postgresql -o "$work/ferretdb" ./cmd/ferretdb
)
mv "$work/ferretdb" "$binary"
"$binary" --version >&2
say "built"
printf '%s\n' "$binary"
