#!/bin/bash
# Mounts the file systems of provisioning_parameters.json, and again after a restart: FSx for Lustre at /fsx, FSx for OpenZFS at
# /home.
set -euo pipefail

directory="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
table="${STACKWRIGHT_FSTAB:-/etc/fstab}"
root="${STACKWRIGHT_ROOT:-}"

parameter() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2]) or "")' \
        "$directory/provisioning_parameters.json" "$1"
}

# attach SOURCE PLACE TYPE OPTIONS PORTS
attach() {
    local line="$1 $2 $3 $4 0 0" attempt
    mkdir -p "$root$2"
    grep --quiet --fixed-strings --line-regexp "$line" "$table" || echo "$line" >>"$table"
    for attempt in 1 2 3 4 5; do
        if mountpoint --quiet "$root$2" || mount "$root$2"; then
            echo "mounted $1 at attempt $attempt"
            return 0
        fi
        sleep "$((attempt * ${STACKWRIGHT_PAUSE:-5}))"
    done
    echo "$1 cannot be mounted at $2: check that its security group allows TCP $5" >&2
    return 1
}

lustre="$(parameter fsx_dns_name)"
if [[ -n "$lustre" ]]; then
    attach "$lustre@tcp:/$(parameter fsx_mountname)" /fsx lustre defaults,noatime,flock,_netdev "988 and 1018-1023"
fi
zfs="$(parameter fsx_openzfs_dns_name)"
if [[ -n "$zfs" ]]; then
    attach "$zfs:/fsx" /home nfs nfsvers=4.2,_netdev 2049
fi
if [[ -z "$lustre$zfs" ]]; then
    echo "no file system is named"
fi
