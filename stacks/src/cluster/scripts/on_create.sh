#!/bin/bash
# HyperPod runs this script as root on each new node. An exit status other than 0 makes the node fail, so every step prints
# what it does in the log stream LifecycleConfig/GROUP/INSTANCE.
set -euo pipefail

directory="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
log=/var/log/provision/provisioning.log
mkdir -p "$(dirname "$log")"
exec > >(tee -a "$log") 2>&1

fail() {
    echo "[stackwright] failed in line $1 of ${BASH_SOURCE[1]}"
    # The log agent needs a while to upload the last lines; a node that fails is gone right away.
    sync
    sleep "${STACKWRIGHT_LOG_DELAY:-60}"
}
trap 'fail "$LINENO"' ERR

echo "[stackwright] start $(date --utc +%FT%TZ)"
for step in "$directory"/steps/*.sh; do
    [[ -f "$step" ]] || continue
    echo "[stackwright] step $(basename "$step")"
    bash "$step"
done
echo "[stackwright] done $(date --utc +%FT%TZ)"
