#!/bin/bash
# Installs Enroot and the Pyxis plugin of Slurm, with which `srun --container-image` runs containers without Docker. The packages
# come from GitHub and from the mirrors of the distribution, so the subnet needs a route to the internet.
set -euo pipefail

enroot_version=3.4.1
pyxis_version=0.19.0
slurm="${STACKWRIGHT_SLURM:-/opt/slurm}"
configuration="${STACKWRIGHT_ENROOT:-/etc/enroot}/enroot.conf"
plugin="$slurm/lib/slurm/spank_pyxis.so"

retry() {
    local attempt
    for attempt in 1 2 3 4 5; do
        "$@" && return 0
        sleep "$((attempt * ${STACKWRIGHT_PAUSE:-5}))"
    done
    echo "failed after $attempt attempts: $*" >&2
    return 1
}

if [[ ! -d "$slurm" ]]; then
    echo "Slurm is not installed in $slurm" >&2
    exit 1
fi
directory="$(mktemp --directory)"
trap 'rm -rf "$directory"' EXIT

if ! command -v enroot >/dev/null; then
    architecture="$(dpkg --print-architecture)"
    for name in enroot enroot+caps; do
        retry curl --silent --show-error --fail --location --output "$directory/$name.deb" \
            "https://github.com/NVIDIA/enroot/releases/download/v$enroot_version/${name}_$enroot_version-1_$architecture.deb"
    done
    # Other installations may hold the lock of dpkg.
    retry apt-get install --yes --option DPkg::Lock::Timeout=120 fuse-overlayfs parallel squashfs-tools squashfuse \
        "$directory/enroot.deb" "$directory/enroot+caps.deb"
fi

# Images are unpacked on a local disk, where there is one.
read -r -a disks <<<"${STACKWRIGHT_DISKS:-/opt/dlami/nvme /opt/sagemaker}"
for disk in "${disks[@]}"; do
    mountpoint --quiet "$disk" || continue
    mkdir -p "$disk/enroot"
    chmod 1777 "$disk/enroot"
    if ! grep --quiet --fixed-strings "$disk/enroot" "$configuration" 2>/dev/null; then
        mkdir -p "$(dirname "$configuration")"
        {
            # Enroot creates these directories for each user; the last one has to exist.
            for kind in RUNTIME CACHE DATA; do
                echo "ENROOT_${kind}_PATH $disk/enroot/${kind,,}-\$(id -u)"
            done
            echo "ENROOT_TEMP_PATH $disk/enroot"
        } >>"$configuration"
    fi
    echo "Enroot keeps images in $disk/enroot"
    break
done

if [[ ! -e "$plugin" ]]; then
    retry git clone --quiet --depth 1 --branch "v$pyxis_version" https://github.com/NVIDIA/pyxis.git "$directory/pyxis"
    CPPFLAGS="-I$slurm/include" make --directory "$directory/pyxis"
    mkdir -p "$(dirname "$plugin")"
    cp "$directory/pyxis/spank_pyxis.so" "$plugin"
fi
line="required $plugin"
mkdir -p "$slurm/etc"
touch "$slurm/etc/plugstack.conf"
grep --quiet --fixed-strings --line-regexp "$line" "$slurm/etc/plugstack.conf" ||
    echo "$line" >>"$slurm/etc/plugstack.conf"
for daemon in slurmctld slurmd; do
    if systemctl is-active --quiet "$daemon"; then
        systemctl restart "$daemon"
    fi
done
echo "Enroot $enroot_version and Pyxis $pyxis_version are installed"
