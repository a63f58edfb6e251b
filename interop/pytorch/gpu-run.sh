#!/usr/bin/env bash
# A run on a rented machine, from parts that `python -m diffwave_torch.pack` made. Its folder is /tmp/diffwave-run,
# unless DIFFWAVE_RUN names another.
#   gpu-run.sh unpack PART.tar...                    adds parts to the folder
#   gpu-run.sh train CONFIG MINUTES OUT [OPTION...]  trains, then writes small files into OUT; CONFIG is the name of a
#                                                    packed train.json, options are those of diffwave_torch.train
#   gpu-run.sh adversarial CONFIG MINUTES OUT ...    the same for the second stage, from the first one's model if it ran
#   gpu-run.sh join OUT RUN                          at home: makes a run folder of those files
set -euo pipefail

work=${DIFFWAVE_RUN:-/tmp/diffwave-run}
# Files that come back are no larger than this.
piece=15m

unpack() {
  mkdir -p "$work"
  for part in "$@"; do
    tar -xf "$part" -C "$work"
  done
  du -sh "$work" | cut -f 1
}

train() {
  local stage=$1 config=$2 minutes=$3 out=$4
  shift 4
  mkdir -p "$out"
  local start=() run=run
  [ -d "$work/start" ] && start=(--from "$work/start")
  if [ "$stage" = adversarial ]; then
    run=run-adversarial
    [ -d "$work/run/model" ] && start=(--from "$work/run/model")
  fi
  (cd "$work/code" && python3 -m "diffwave_torch.$stage" "../$config" --data ../data/* --out "../$run" \
    --resume --new-data --minutes "$minutes" "${start[@]}" "$@" 2>&1) | tee "$work/log" | tail -n 200
  touch "$work/$run/metrics.jsonl"
  (cd "$work/code" && python3 -m diffwave_torch.checkpoint "../$run" "$work/small")
  for file in "$work"/small/*.safetensors; do
    split -b "$piece" -a 1 -d "$file" "$out/$(basename "$file")."
  done
  cp "$work/small/config.json" "$out/"
  tar -czf "$out/logs.tgz" -C "$work" log -C "$run" metrics.jsonl
  ls -l "$out"
}

join() {
  local out=$1 run=$2
  mkdir -p "$run/model"
  cat "$out"/checkpoint.safetensors.? > "$run/checkpoint.safetensors"
  cat "$out"/weights.safetensors.? > "$run/model/weights.safetensors"
  cp "$out/config.json" "$run/model/"
  tar -xzf "$out/logs.tgz" -C "$run"
}

case ${1:-} in
  unpack) unpack "${@:2}" ;;
  train) train train "${@:2}" ;;
  adversarial) train adversarial "${@:2}" ;;
  join) join "$2" "$3" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
