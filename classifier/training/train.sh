#!/usr/bin/env bash
# Trains the classifier and packs the bundle: train.sh [WORK_FOLDER] [options of `python -m training train`]
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-training/work}
shift || true
python -m training train --work "$work" "$@"
python -m training pack "$work/best.pt"
