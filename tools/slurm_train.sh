#!/usr/bin/env bash
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
# [sbatch [its options]] tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of tools/train.py]
# GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5) and SRUN_ARGS are read from the environment.
# A batch job requeues itself if the training was asked to stop (status 85), unless the job was
# cancelled. A requeued job continues with --resume.
set -euo pipefail
name=${MMCMD_COMMAND:-$0}
usage="usage: $name PARTITION JOB_NAME CONFIG [options of tools/train.py]
environment: GPUS (8), GPUS_PER_NODE (8, at most GPUS), CPUS_PER_TASK (5), SRUN_ARGS"
case "${1:-}" in -h | --help) echo "$usage" && exit ;; esac
if [ $# -lt 3 ]; then
    echo "$usage" >&2
    exit 2
fi
partition=$1 job_name=$2 config=$3
shift 3
gpus=${GPUS:-8}
gpus_per_node=${GPUS_PER_NODE:-8}
for number in "$gpus" "$gpus_per_node"; do
    if [[ ! $number =~ ^[1-9][0-9]*$ ]]; then
        echo "$name: GPUS and GPUS_PER_NODE must be 1 or more, got '$number'" >&2
        exit 2
    fi
done
if ! command -v srun > /dev/null; then
    echo "$name: there is no srun here; start it on a machine of the Slurm cluster" >&2
    exit 2
fi
[ "$gpus" -lt "$gpus_per_node" ] && gpus_per_node=$gpus
tools=$(dirname "$0")
# sbatch copies this file to another folder and runs the copy.
[ -f "$tools/train.py" ] || tools=${SLURM_SUBMIT_DIR:-.}/tools
[ "${SLURM_RESTART_COUNT:-0}" -gt 0 ] && set -- "$@" --resume
# SRUN_ARGS may hold several words.
# shellcheck disable=SC2206
command=(srun -p "$partition" --job-name="$job_name"
    --gres=gpu:"$gpus_per_node" --ntasks="$gpus" --ntasks-per-node="$gpus_per_node"
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-}
    python -u "$tools/train.py" "$config" --launcher slurm "$@")
[ -n "${SLURM_JOB_ID:-}" ] || exec "${command[@]}"

"${command[@]}" &
step=$! asked=0
# srun passes USR1 on to the ranks. If it got TERM, it would kill them.
trap 'asked=1 signalled=1; kill -USR1 "$step" 2>/dev/null || true' USR1 TERM
while :; do
    signalled=0 status=0
    wait "$step" || status=$?
    [ "$signalled" = 1 ] || break # a signal ends the wait, but not srun
done
# `scancel --full --signal=TERM` also reaches srun. It kills the ranks, and nothing is saved.
[ "$asked" = 1 ] && [ "$status" -gt 128 ] && status=85
if [ "$status" = 85 ]; then
    # If the job is no longer RUNNING, it was cancelled, or Slurm itself requeues it.
    state=$(squeue --noheader --format=%T --jobs="$SLURM_JOB_ID") || state=unknown
    echo "$name: asked to stop; Slurm's state of job $SLURM_JOB_ID is $state" >&2
    if [ "$state" != RUNNING ] || ! scontrol requeue "$SLURM_JOB_ID"; then
        echo "$name: not requeued here; if it is not in the queue, submit it again with --resume" >&2
    fi
fi
exit "$status"
