#!/usr/bin/env bash
# Half an hour on a GPU, as a list of commands with budgets that resume. It has never run on a GPU.
#
#   bash benchmarks/gpu_day.sh [ARCHIVE]               go on from ARCHIVE (gpu-day.tar.gz), measure, and pack
#   bash benchmarks/gpu_day.sh unpack ARCHIVE RESULTS  check an archive, then add its runs to RESULTS
set -euo pipefail
folder=${GPU_DAY_FOLDER:-gpu-day}
perceptron=${PERCEPTRON:-python3 -m perceptron}
compared="--backends numpy,torch-cpu,torch-cuda"
pairs="--pair numpy:torch-cuda --pair torch-cpu:torch-cuda"
many="$pairs --pair torch-cuda-sequential:torch-cuda --pair numpy:torch-cuda-manual-graph --pair numpy:jax-cuda"
# Minutes for each: what answers most comes first. A command that has its answer ends at once.
commands="
0.5|doctor
1.6|bench --families none $compared
1.6|crossover $pairs --family mlp-width
2.4|crossover $many --family many-or-gates
3.0|overhead --problem or-gate --backends numpy,torch-cpu,torch-cuda,torch-cuda-manual,torch-cuda-graph,torch-cuda-persistent,jax-cuda,numba
1.1|crossover $pairs --family perceptron-rows
3.4|race --problem digits --target accuracy=0.95 --dtype float32 bfloat16 $compared,torch-cuda-graph
1.1|crossover $pairs --family mlp-batch
2.7|bench
1.6|crossover $many --family many-mlps
1.1|map --family mlp-map $compared
0.9|overhead --problem digits --backends numpy,torch-cpu,torch-cuda,torch-cuda-manual,torch-cuda-graph,numba
"

fail() { echo "error: $*" >&2; exit 2; }
count() { find "$1" -path '*/runs/*/*/run.json' | wc -l; }

# The sums come first: an archive that was cut has them, and misses what they name.
pack() {
  (cd "$folder" && find . -type f ! -name SHA256SUMS ! -name '*.tmp' -exec sha256sum {} + | sed 's|  \./|  |' >SHA256SUMS)
  tar -C "$folder" -czf "$archive.tmp" SHA256SUMS -T <(cut -c 67- "$folder/SHA256SUMS")
  gzip -t "$archive.tmp" && mv "$archive.tmp" "$archive"
}

unpack() (
  from=$1 to=$2
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
)

if [ "${1:-}" = unpack ]; then
  unpack "${2:?an ARCHIVE}" "${3:?a folder of results}"
  exit
fi
archive=${1:-gpu-day.tar.gz} child= number=0
[ -d "$folder/runs" ] || [ ! -f "$archive" ] || unpack "$archive" "$folder"
mkdir -p "$folder/log" "$(dirname "$archive")" && : >>"$archive.tmp" && trap pack EXIT
trap '[ -z "$child" ] || { kill -INT "$child"; wait "$child"; }; exit 130' INT TERM HUP
while IFS='|' read -r minutes words <&3; do
  [ -n "$minutes" ] || continue
  number=$((number + 1)) code=0 options=(--results "$folder" --budget "$minutes")
  [ "$words" != doctor ] || options=()
  log=$folder/log/$(printf %02d-%s "$number" "${words%% *}").txt
  seconds=$(awk "BEGIN { print int(66 * $minutes + 20) }")
  timeout -s INT -k 10 "$seconds" $perceptron $words "${options[@]}" >"$log" 2>&1 & # words are words
  child=$! && wait "$child" || code=$?
  echo "$(head -n 1 "$log") (exit $code, in full: $log)"
  pack
done 3<<<"$commands"
[ "$(count "$folder")" -gt 0 ] || fail "nothing was measured; $archive has the logs"
echo "copy home:  $archive ($(count "$folder") runs)"
