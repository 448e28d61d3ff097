#!/bin/bash
# Installs the CloudWatch agent from AWS's bucket of the region, which an isolated network reaches through its S3 endpoint, and
# starts it with the configuration beside this script: processors, memory, disks and NVIDIA GPUs.
set -euo pipefail

directory="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
control=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
if [[ ! -x "$control" ]]; then
    region="${AWS_REGION:-$(cat /opt/aws/region 2>/dev/null || true)}"
    if [[ -z "$region" ]]; then
        metadata=http://169.254.169.254/latest
        token="$(curl --silent --fail --max-time 5 --request PUT \
            --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/api/token")"
        region="$(curl --silent --fail --max-time 5 --header "X-aws-ec2-metadata-token: $token" \
            "$metadata/meta-data/placement/region")"
    fi
    package="$(mktemp --suffix=.deb)"
    curl --silent --show-error --fail --retry 3 --output "$package" \
        "https://amazoncloudwatch-agent-$region.s3.$region.amazonaws.com/ubuntu/amd64/latest/amazon-cloudwatch-agent.deb"
    dpkg --install "$package"
    rm --force "$package"
fi
"$control" -a fetch-config -m ec2 -s -c "file:$directory/cloudwatch_agent.json"
