#!/usr/bin/env bash
# A run on a rented machine, from parts that `python -m diffwave_torch.pack` made. Its folder is /tmp/diffwave-run,
# unless DIFFWAVE_RUN names another. DIFFWAVE_PYTHON names a Python other than python3. DIFFWAVE_PIECE names a largest
# size of the files that come back other than 15m, as `split` reads it.
#   gpu-run.sh unpack PART.tar...                    adds parts to the folder
#   gpu-run.sh train CONFIG MINUTES OUT [OPTION...]  trains, then writes small files into OUT; CONFIG is the name of a
#                                                    packed train.json, options are those of diffwave_torch.train
#   gpu-run.sh adversarial CONFIG MINUTES OUT ...    the same for the second stage, from the first one's model if it ran
#   gpu-run.sh join OUT RUN                          at home: makes a run folder of those files
set -euo pipefail

# Files that come back are no larger than this.
piece=${DIFFWAVE_PIECE:-15m}

fail() {
  echo "error: $*" >&2
  exit 1
}

usage() {
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

# Prints the absolute path of a folder, which it makes.
folder() {
  mkdir -p "$1" && (cd "$1" && pwd)
}

# Becomes a module of the packed code.
exec_module() {
  exec env PYTHONPATH="$work/code" "${DIFFWAVE_PYTHON:-python3}" -m "diffwave_torch.$1" "${@:2}"
}

sha256() {
  if command -v sha256sum > /dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

unpack() {
  [ $# -ge 1 ] || usage
  for part in "$@"; do
    tar -xf "$part" -C "$work" || fail "$part: cut short, or not a part; send it again"
  done
  du -sh "$work" | cut -f 1
}

# Trains a stage, and writes what there is into OUT, also if the training fails or is told to end.
train() {
  [ $# -ge 4 ] || usage
  local stage=$1 config=$2 minutes=$3 out status=0 run=run start=()
  out=$(folder "$4")
  shift 4
  [ -f "$work/$config" ] || fail "$work/$config: no such file; is part-1.tar unpacked?"
  [ -d "$work/data" ] || fail "$work/data: no such folder; is a part with recordings unpacked?"
  if [ -d "$work/start" ]; then start=(--from "$work/start"); fi
  if [ "$stage" = adversarial ]; then
    run=run-adversarial
    if [ -d "$work/run/model" ]; then start=(--from "$work/run/model"); fi
  fi
  echo "== $stage $config, $minutes minutes" | tee -a "$work/log"
  # At the end of a slot, all processes may be told to end. The trainer then saves, and this script and tee wait for it.
  trap 'echo "told to end"' INT TERM
  (exec_module "$stage" "$work/$config" --data "$work"/data/* --out "$work/$run" --resume --new-data \
    --minutes "$minutes" ${start[@]+"${start[@]}"} "$@" 2>&1) | (trap '' INT TERM && exec tee -a "$work/log") ||
    status=$?
  trap '' INT TERM
  if [ -f "$work/$run/model/config.json" ]; then deliver "$work/$run" "$out" || status=1; fi
  # Last, since it tells `join` that the other files are complete.
  touch "$work/checksums" "$work/metrics.jsonl"
  tar -czf "$out/logs.tgz.new" -C "$work" log metrics.jsonl checksums && mv "$out/logs.tgz.new" "$out/logs.tgz"
  ls -l "$out"
  [ "$status" = 0 ] || fail "the stage failed; its last lines are above, and in logs.tgz"
}

# Writes the checkpoint and the model of a run into OUT, in pieces. OUT keeps those of the stage before for as long as
# possible.
deliver() {
  local run=$1 out=$2 small=$work/small file
  rm -rf "$small" && mkdir -p "$small/pieces" && (exec_module narrow "$run" "$small") || return 1
  for file in "$small"/*.safetensors; do
    split -b "$piece" -a 2 -d "$file" "$small/pieces/$(basename "$file")." || return 1
  done
  cp "$small/config.json" "$small/pieces/" && (cd "$small/pieces" && sha256 ./*) > "$work/checksums" || return 1
  if [ -f "$run/metrics.jsonl" ]; then cp "$run/metrics.jsonl" "$work/"; fi
  rm -f "$out"/*.safetensors.?? "$out/config.json" "$out/logs.tgz" && mv "$small"/pieces/* "$out/"
}

join() {
  [ $# = 2 ] || usage
  local out=$1 run
  [ -f "$out/logs.tgz" ] || fail "$out/logs.tgz: no such file; OUT is complete only when a stage has ended"
  run=$(folder "$2") && mkdir -p "$run/model"
  tar -xzf "$out/logs.tgz" -C "$run"
  [ -s "$run/checksums" ] || fail "$out: no checkpoint came back; $run/log says why"
  (cd "$out" && sha256 -c "$run/checksums" > /dev/null) || fail "$out: files are missing, or from another stage"
  cat "$out"/checkpoint.safetensors.?? > "$run/checkpoint.safetensors"
  cat "$out"/weights.safetensors.?? > "$run/model/weights.safetensors"
  cp "$out/config.json" "$run/model/"
  rm "$run/checksums"
}

command=${1:-}
case $command in
  unpack | train | adversarial) work=$(folder "${DIFFWAVE_RUN:-/tmp/diffwave-run}") ;;
  join) ;;
  *) usage ;;
esac
shift
case $command in
  train | adversarial) train "$command" "$@" ;;
  *) "$command" "$@" ;;
esac
