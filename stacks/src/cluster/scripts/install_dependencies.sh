#!/bin/bash
# Installs what HyperPod needs in an EKS cluster before its nodes can join: the Helm chart of aws/sagemaker-hyperpod-cli at a fixed
# commit. Run it after the stack of the EKS cluster and before the stack of the HyperPod cluster, where kubectl reaches the
# cluster: install_dependencies.sh EKS_CLUSTER REGION
set -euo pipefail

cluster="$1"
region="$2"
commit=011ca927123e02b35a399935bbb3ab1905fe33c7

directory="$(mktemp --directory)"
trap 'rm -rf "$directory"' EXIT
git clone --quiet https://github.com/aws/sagemaker-hyperpod-cli.git "$directory/cli"
git -C "$directory/cli" checkout --quiet "$commit"
aws eks update-kubeconfig --name "$cluster" --region "$region"

chart="$directory/cli/helm_chart/HyperPodHelmChart"
values=(--set "health-monitoring-agent.region=$region")
# The legacy resource of the MPI operator fails server-side apply on Kubernetes 1.34 and later.
values+=(--set mpi-operator.enabled=false)
helm dependency update "$chart"
helm upgrade --install dependencies "$chart" --namespace kube-system "${values[@]}"
kubectl --namespace kube-system get pods
