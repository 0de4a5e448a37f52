#!/usr/bin/env bash
# Trains the classifier and packs a bundle into WORK_FOLDER/model:
#   train.sh WORK_FOLDER [--version VERSION] [options of `python -m training train`]
# The committed bundle stays as it is.
# Two runs that average their weights, one thread each: two threads of one run spend much of their time waiting for
# each other where cores are shared. Killed, it goes on from the last checkpoints when called again.
set -euo pipefail
mkdir -p "${1:?name a work folder}"
work=$(cd "$1" && pwd)
shift
version=0.0.0
data=()
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --version) version=${2:?name a version}; shift 2 ;;
    --version=*) version=${1#*=}; shift ;;
    # Packing needs the data, too; a name is that of the folder that this was called in.
    --data) data=(--data "$(realpath "${2:?name the data}")"); shift 2 ;;
    --data=*) data=(--data "$(realpath "${1#*=}")"); shift ;;
    *) options+=("$1"); shift ;;
  esac
done
cd "$(dirname "$0")/.."
mkdir -p "$work/1" "$work/2"
# Threads sleep instead of spinning. Memory is kept for some seconds instead of given back and asked for again: jemalloc
# (Debian's libjemalloc2) does so at no cost, glibc's allocator spends a tenth of the time searching.
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
jemalloc=$(ldconfig -p | awk '/libjemalloc\.so\.2/ { print $NF; exit }')
if [ -n "$jemalloc" ]; then
  export LD_PRELOAD="$jemalloc" MALLOC_CONF=dirty_decay_ms:4000,muzzy_decay_ms:4000
else
  export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296
fi

python -m training train "${data[@]}" "${options[@]}" --work "$work/1" --peer "$work/2" --seed 1 --threads 1 &
first=$!
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
# The second run needs the vocabulary and the first weights of the first one.
until [ -e "$work/1/start.pt" ]; do
  kill -0 "$first" 2>/dev/null || { wait "$first"; exit 1; }
  sleep 2
done
python -m training train "${data[@]}" "${options[@]}" --work "$work/2" --peer "$work/1" --seed 2 --threads 1 \
  --start-from "$work/1/start.pt" &
second=$!
wait "$first"
wait "$second"
OMP_NUM_THREADS=2 python -m training pack "$work/1/best.pt" "$work/2/best.pt" "${data[@]}" \
  --out "$work/model" --version "$version"
