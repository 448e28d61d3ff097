#!/bin/bash
# Starts the Slurm daemon that this node runs: slurmctld on a controller, slurmd elsewhere. provisioning_parameters.json states
# which groups are controller and login nodes, resource_config.json of HyperPod which group this node is in.
set -euo pipefail

directory="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
resources="${SAGEMAKER_RESOURCE_CONFIG_PATH:-/opt/ml/config/resource_config.json}"
units="${STACKWRIGHT_UNITS:-/etc/systemd/system}"
address="${STACKWRIGHT_ADDRESS:-$(hostname --ip-address | awk '{ print $1 }')}"

# Prints the kind of this node, and the addresses of the controllers with commas between them.
read -r kind controllers < <(python3 - "$directory/provisioning_parameters.json" "$resources" "$address" <<'PYTHON'
import json
import sys

parameters = json.load(open(sys.argv[1]))
groups = json.load(open(sys.argv[2]))["InstanceGroups"]
addresses = {
    group["Name"]: [one["CustomerIpAddress"] for one in group.get("Instances") or []] for group in groups
}
own = [name for name, members in addresses.items() if sys.argv[3] in members]
if not own:
    sys.exit(f"{sys.argv[3]} is in no instance group of the cluster")
kinds = {parameters["controller_group"]: "controller", parameters.get("login_group"): "login"}
print(kinds.get(own[0], "compute"), ",".join(addresses.get(parameters["controller_group"], [])))
PYTHON
)
echo "this node is of kind $kind; the controllers are $controllers"
if [[ "$kind" == controller ]]; then
    systemctl enable --now slurmctld
    # slurmd must not start on a controller.
    [[ ! -e "$units/slurmd.service" ]] || mv "$units/slurmd.service" "$units/slurmd.service.unused"
else
    SLURMD_OPTIONS="--conf-server $controllers" envsubst <"$units/slurmd.service" >"$units/slurmd.service.new"
    mv "$units/slurmd.service.new" "$units/slurmd.service"
    [[ ! -e "$units/slurmctld.service" ]] || mv "$units/slurmctld.service" "$units/slurmctld.service.unused"
    systemctl daemon-reload
    systemctl enable --now slurmd
fi
