#!/usr/bin/env bash
# tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
# NNODES, NODE_RANK, MASTER_ADDR and PORT are read from the environment.
set -euo pipefail
name=${MMCMD_COMMAND:-$0}
usage="usage: $name CONFIG GPUS [options of tools/train.py]
environment: NNODES (1), NODE_RANK (0), MASTER_ADDR (127.0.0.1), PORT (29500)"
case "${1:-}" in -h | --help) echo "$usage" && exit ;; esac
if [ $# -lt 2 ]; then
    echo "$usage" >&2
    exit 2
fi
config=$1 gpus=$2
shift 2
if [[ ! $gpus =~ ^([1-9][0-9]*|auto|gpu|cpu)$ ]]; then
    echo "$name: the number of GPUs must be 1 or more, got '$gpus'" >&2
    exit 2
fi
exec python "$(dirname "$0")/torchrun.py" \
    --nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}" --nproc_per_node "$gpus" \
    --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
