#!/bin/bash
# Joins the local NVMe disks to one striped volume, formats it, and mounts it at /local. Its data is lost when the instance
# stops.
set -euo pipefail

mapfile -t disks < <(
    lsblk --nodeps --noheadings --paths --output NAME,MODEL | awk '/Instance Storage/ { print $1 }'
)
unused=()
for disk in "${disks[@]}"; do
    # Deep learning AMIs may have mounted them already.
    if ! lsblk --noheadings --output MOUNTPOINTS "$disk" | grep --quiet /; then
        unused+=("$disk")
    fi
done
if ((${#unused[@]} == 0)); then
    echo "no local disk is unused"
    exit 0
fi
device="${unused[0]}"
if ((${#unused[@]} > 1)); then
    device=/dev/md/local
    mdadm --create "$device" --level=0 --raid-devices="${#unused[@]}" --name=local "${unused[@]}"
fi
mkfs.ext4 -q "$device"
mkdir -p /local
mount -o noatime "$device" /local
chmod 1777 /local
echo "/local is on ${#unused[@]} local disks"
