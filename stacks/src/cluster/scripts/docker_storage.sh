#!/bin/bash
# Keeps Docker's images and containers on a local disk instead of the root volume, which has 100 GB.
set -euo pipefail

if ! command -v docker >/dev/null; then
    echo "Docker is not installed"
    exit 0
fi
configuration="${STACKWRIGHT_DOCKER:-/etc/docker}/daemon.json"
read -r -a disks <<<"${STACKWRIGHT_DISKS:-/opt/dlami/nvme /opt/sagemaker}"
for disk in "${disks[@]}"; do
    mountpoint --quiet "$disk" || continue
    mkdir -p "$disk/docker" "$(dirname "$configuration")"
    DISK="$disk" CONFIGURATION="$configuration" python3 - <<'PYTHON'
import json
import os
import pathlib

path = pathlib.Path(os.environ["CONFIGURATION"])
text = path.read_text().strip() if path.exists() else ""
settings = json.loads(text) if text else {}
settings["data-root"] = os.environ["DISK"] + "/docker"
path.write_text(json.dumps(settings, indent=4) + "\n")
PYTHON
    systemctl restart docker
    echo "Docker keeps its data in $disk/docker"
    exit 0
done
echo "no additional disk is mounted; Docker stays on the root volume"
