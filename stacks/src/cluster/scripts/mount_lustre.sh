#!/bin/bash
# Mounts the FSx for Lustre file system of provisioning_parameters.json at /fsx, and again after a restart.
set -euo pipefail

directory="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
parameter() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2]) or "")' \
        "$directory/provisioning_parameters.json" "$1"
}

dns_name="$(parameter fsx_dns_name)"
mount_name="$(parameter fsx_mountname)"
if [[ -z "$dns_name" || -z "$mount_name" ]]; then
    echo "no file system is named"
    exit 0
fi
table="${STACKWRIGHT_FSTAB:-/etc/fstab}"
line="$dns_name@tcp:/$mount_name /fsx lustre defaults,noatime,flock,_netdev 0 0"
mkdir -p "${STACKWRIGHT_FSX:-/fsx}"
grep --quiet --fixed-strings --line-regexp "$line" "$table" || echo "$line" >>"$table"
for attempt in 1 2 3 4 5; do
    if mountpoint --quiet "${STACKWRIGHT_FSX:-/fsx}" || mount "${STACKWRIGHT_FSX:-/fsx}"; then
        echo "mounted $dns_name at attempt $attempt"
        exit 0
    fi
    sleep "$((attempt * ${STACKWRIGHT_PAUSE:-5}))"
done
echo "the file system cannot be mounted: check that its security group lets TCP 988 and 1018-1023 through" >&2
exit 1
