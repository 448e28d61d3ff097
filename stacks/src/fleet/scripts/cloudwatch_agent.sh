#!/bin/bash
# Publishes the use of GPUs, memory and disks of this instance, by the CloudWatch agent.
set -euo pipefail

control=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
if [[ ! -x "$control" ]]; then
    metadata=http://169.254.169.254/latest
    token="$(curl --silent --fail --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
        "$metadata/api/token")"
    region="$(curl --silent --fail --header "X-aws-ec2-metadata-token: $token" \
        "$metadata/meta-data/placement/region")"
    # The bucket of the region is reached through the S3 endpoint of an isolated network.
    bucket="https://amazoncloudwatch-agent-$region.s3.$region.amazonaws.com"
    if command -v dpkg >/dev/null; then
        curl --silent --show-error --fail --retry 3 --output /tmp/agent.deb \
            "$bucket/ubuntu/amd64/latest/amazon-cloudwatch-agent.deb"
        dpkg --install /tmp/agent.deb
    else
        curl --silent --show-error --fail --retry 3 --output /tmp/agent.rpm \
            "$bucket/amazon_linux/amd64/latest/amazon-cloudwatch-agent.rpm"
        rpm --upgrade --verbose --hash /tmp/agent.rpm
    fi
fi
cat >/opt/aws/amazon-cloudwatch-agent/etc/gpu-fleet.json <<'JSON'
{
    "metrics": {
        "namespace": "GpuFleet",
        "append_dimensions": { "AutoScalingGroupName": "${aws:AutoScalingGroupName}" },
        "aggregation_dimensions": [["AutoScalingGroupName"]],
        "metrics_collected": {
            "nvidia_gpu": { "measurement": ["utilization_gpu", "utilization_memory", "temperature_gpu"] },
            "mem": { "measurement": ["used_percent"] },
            "disk": { "measurement": ["used_percent"], "resources": ["/", "/local"] }
        }
    }
}
JSON
"$control" -a fetch-config -m ec2 -s -c file:/opt/aws/amazon-cloudwatch-agent/etc/gpu-fleet.json
