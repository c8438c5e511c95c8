#!/usr/bin/env bash
# A day on a GPU in calls of at most nine and a half minutes. It has never run on a GPU.
#
#   bash benchmarks/gpu_day.sh [ARCHIVE]               go on from ARCHIVE (gpu-day.tar.gz), measure, and pack
#   bash benchmarks/gpu_day.sh unpack ARCHIVE RESULTS  check an archive, then add its runs to RESULTS
set -euo pipefail
folder=${GPU_DAY_FOLDER:-gpu-day} limit=${GPU_DAY_SECONDS:-570} archive=${1:-gpu-day.tar.gz} child=''
python=${PYTHON:-python3} perceptron=${PERCEPTRON:-${PYTHON:-python3} -m perceptron}
# Of the GPU: the next call may have another host, and goes on with the same runs.
machine=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | sed 's/^NVIDIA //; q' | tr 'A-Z ' 'a-z-' || true)
eager=numpy,torch-cpu,torch-cuda launched=torch-cuda-manual,torch-cuda-graph,torch-cuda-persistent,jax-cuda
# Seconds for each: what answers most comes first. tests/questions/test_simulated_day.py has what that is enough for.
commands=(
  "30|doctor"
  "120|smoke"
  "400|bench --backends $eager"
  "280|overhead --problem or-gate --backends $eager,torch-cuda-fused,torch-cuda-compiled,$launched"
  "240|crossover --family mlp-width,perceptron-rows,mlp-batch --pair numpy:torch-cuda numpy:torch-cuda-graph"
  "160|crossover --family many-or-gates --pair numpy:torch-cuda-bmm numpy:torch-cuda-manual-graph"
  "200|race --problem digits --target accuracy=0.95 --backends $eager,torch-cuda-graph"
  "130|map --family mlp-map --backends $eager"
  "160|crossover --family many-mlps --pair numpy:torch-cuda-bmm torch-cuda-sequential:torch-cuda-bmm"
  "120|crossover --family many-or-gates --pair numpy:jax-cuda"
  "200|overhead --problem digits --backends $eager,torch-cuda-manual,torch-cuda-graph"
  "60|check torch-cuda"
  "60|check torch-cuda-manual"
  "60|check torch-cuda-graph"
  "60|check torch-cuda-persistent"
  "60|check jax-cuda"
)

fail() { echo "error: $*" >&2; exit 2; }
count() { find "$1" -path '*/runs/*/*/run.json' | wc -l; }

# The sums come first: an archive that was cut has them, and misses what they name.
pack() {
  (cd "$folder" && find . -type f ! -name SHA256SUMS ! -name '*.tmp' -exec sha256sum {} + | sed 's|  \./|  |' >SHA256SUMS)
  tar -C "$folder" -czf "$archive.tmp" SHA256SUMS -T <(cut -c 67- "$folder/SHA256SUMS")
  gzip -t "$archive.tmp" && mv "$archive.tmp" "$archive"
}

measure() { # NUMBER SECONDS COMMAND, unless it is done or does not fit into this call
  local code=0 given=0 state='' seconds=$(((limit - SECONDS - 20) * 10 / 11)) run=($perceptron $3) log # words are words
  log=$folder/log/$(printf %02d-%s "$1" "${3%% *}")
  [ ! -f "$log.state" ] || read -r given state <"$log.state"
  [ "$state" != done ] || return 0
  { [ $((given > 0)) = "$again" ] && [ $((2 * seconds)) -ge "$2" ]; } || { later=1 && return 0; }
  echo "$given open" >"$log.state" && seconds=$((seconds < $2 ? seconds : $2))
  given=$((given + seconds)) # a budget counts what earlier calls have spent
  [ ! -f "$folder/log/xla-flags" ] || export PERCEPTRON_XLA_FLAGS="$(cat "$folder/log/xla-flags")"
  case $3 in
    smoke) run=("$python" -m benchmarks.gpu_smoke "$folder/log/xla-flags") ;;
    check*) run=(env OMP_NUM_THREADS=1 "${run[@]}") ;;
    doctor) ;;
    *) run+=(--results "$folder" ${machine:+--machine "$machine"} --html '' --budget "$(awk "BEGIN { print $given / 60 }")") ;;
  esac
  timeout -k 10 $((seconds * 11 / 10 + 5)) "${run[@]}" >"$log.txt" 2>"$log.err" &
  child=$! && { wait "$child" || code=$?; } && child=''
  # More time helps what did not end by itself, and a run that says that it was cut short.
  cut=$(find "$folder" -name run.json -newer "$log.state" -exec grep -l '"cut_short": true' {} +) || true
  [[ $code = [013] && -z $cut ]] && state=done || state=open later=1
  echo "$given $state" >"$log.state"
  [ "$3" != smoke ] || cat "$log.txt"
  echo "$3: $(cat "$log.txt" <(tail -n 1 "$log.err") | head -n 1) (exit $code after $SECONDS s, in full: $log.txt)"
  pack
}

if [ "${1:-}" = unpack ]; then
  exec bash "$(dirname "$0")/gpu_unpack.sh" "${2:?an ARCHIVE}" "${3:?a folder of results}"
fi
[ -d "$folder/runs" ] || [ ! -f "$archive" ] || bash "$(dirname "$0")/gpu_unpack.sh" "$archive" "$folder"
mkdir -p "$folder/log" "$(dirname "$archive")" && : >>"$archive.tmp" && trap pack EXIT
trap '[ -z "$child" ] || { kill "$child" && wait "$child"; } || true; exit 130' INT TERM HUP
for again in 0 1; do # what is new, then what was cut short
  later=''
  for number in "${!commands[@]}"; do measure "$number" "${commands[number]%%|*}" "${commands[number]#*|}"; done
done
[ "$(count "$folder")" -gt 0 ] || fail "nothing was measured; $archive has the logs"
echo "copy home:  $archive ($(count "$folder") runs)${later:+; call again: something is open}"
