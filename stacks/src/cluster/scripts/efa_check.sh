#!/bin/bash
# Fails the node if it has fewer EFA devices than its instance type should have. Without them, collective operations fall back to
# TCP without an error, many times slower. The expected numbers are in efa.txt beside this script: INSTANCE_TYPE COUNT.
set -euo pipefail

list="$(dirname "${BASH_SOURCE[0]}")/efa.txt"
devices="${STACKWRIGHT_DEVICES:-/sys/class/infiniband}"

instance_type() {
    local metadata=http://169.254.169.254/latest token
    token="$(curl --silent --fail --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
        "$metadata/api/token")"
    curl --silent --fail --max-time 5 --header "X-aws-ec2-metadata-token: $token" \
        "$metadata/meta-data/instance-type"
}

type="$(instance_type)"
expected="$(awk -v type="${type#ml.}" '$1 == type { print $2 }' "$list")"
if [[ -z "$expected" ]]; then
    echo "$type is not among the types that are expected to have EFA"
    exit 0
fi
found=0
for device in "$devices"/*; do
    [[ -e "$device" ]] && found=$((found + 1))
done
echo "$type has $found EFA devices, and $expected are expected"
if ((found < expected)); then
    echo "EFA is incomplete: check that the security group is open to itself in both directions" >&2
    exit 1
fi
