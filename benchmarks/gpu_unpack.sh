#!/usr/bin/env bash
# Check an archive of benchmarks/gpu_day.sh, then add its runs to a folder: bash benchmarks/gpu_unpack.sh ARCHIVE RESULTS
set -euo pipefail
from=$1 to=$2
fail() { echo "error: $*" >&2; exit 2; }
count() { find "$1" -path '*/runs/*/*/run.json' | wc -l; }
[ -f "$from" ] || fail "$from: no such file"
# Before all of it is looked at: 10 MB may hold 10 GB, and a sparse file of 200 bytes 8 TB.
[ "$(gzip -dc "$from" 2>/dev/null | head -c 1073741825 | wc -c)" -le 1073741824 ] || fail "$from: holds more than 1 GiB"
gzip -t "$from" 2>/dev/null || fail "$from: damaged: gzip -t fails; copy it again"
fresh=$(mktemp -d) && trap 'rm -rf "$fresh"' EXIT
tar -C "$fresh" --no-same-owner -xzf "$from" 2>/dev/null || fail "$from: damaged: tar cannot read it; copy it again"
[ -z "$(find "$fresh" ! -type f ! -type d)" ] || fail "$from: holds links"
[ "$(find "$fresh" -type f -printf '%s\n' | awk '{ s += $1 } END { print (s > 1073741824) }')" = 0 ] || fail "$from: holds more than 1 GiB"
(cd "$fresh" && sha256sum --strict --status -c SHA256SUMS 2>/dev/null) ||
  fail "$from: damaged: a file is missing or changed; copy it again"
[ "$(find "$fresh" -type f ! -name SHA256SUMS | wc -l)" = "$(wc -l <"$fresh/SHA256SUMS")" ] ||
  fail "$from: holds files that no day packs"
for run in "$fresh"/runs/*/*/; do
  rows=$to/${run#"$fresh"/}measurements.jsonl
  [ ! -f "$rows" ] || cmp -s -n "$(wc -c <"$rows")" "$rows" "$run/measurements.jsonl" ||
    fail "$rows: holds rows that $from does not: unpack into another folder"
done
[ -z "$(find "$to" -type l 2>/dev/null)" ] || fail "$to: holds links, which may lead elsewhere"
rm "$fresh/SHA256SUMS" && mkdir -p "$to" && cp -R "$fresh/." "$to"
echo "unpacked:   $(count "$fresh") runs into $to"
