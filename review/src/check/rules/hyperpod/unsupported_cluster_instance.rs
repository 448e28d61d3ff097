//! `unsupported-cluster-instance`

use stackwright_schemas::instances::{Service, instances};

use crate::check::findings::Findings;
use crate::check::nearest::nearest;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{items, text};
use crate::check::view::View;

rule! {
    /// A HyperPod group on an instance type that HyperPod does not have.
    Error "unsupported-cluster-instance",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterInstanceType",
    applies_to: ["AWS::SageMaker::Cluster"],
    good: "
Resources:
  Cluster:
    Type: AWS::SageMaker::Cluster
    Properties:
      Orchestrator: {Slurm: {}}
      InstanceGroups:
        - InstanceGroupName: worker
          ExecutionRole: arn:aws:iam::111122223333:role/HyperPod
          LifeCycleConfig: {SourceS3Uri: s3://sagemaker-scripts/, OnCreate: on_create.sh}
          InstanceType: ml.p5.48xlarge
          InstanceCount: 2
",
    bad: "
Resources:
  Cluster:
    Type: AWS::SageMaker::Cluster
    Properties:
      Orchestrator: {Slurm: {}}
      InstanceGroups:
        - InstanceGroupName: worker
          ExecutionRole: arn:aws:iam::111122223333:role/HyperPod
          LifeCycleConfig: {SourceS3Uri: s3://sagemaker-scripts/, OnCreate: on_create.sh}
          InstanceType: ml.inf2.xlarge # here
          InstanceCount: 2
",
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for group in groups(cluster) {
            let many = items(&group["InstanceRequirements"]["InstanceTypes"]);
            for place in many.chain([&group["InstanceType"]]) {
                let Some(name) = text(place) else { continue };
                let known = instances()
                    .values()
                    .filter(|facts| facts.is_for(Service::Cluster))
                    .map(|facts| facts.instance_type.as_str());
                if !known.clone().any(|known| known == name) {
                    let help = nearest(name, known)
                        .map_or_else(String::new, |near| format!("the nearest is {near}"));
                    findings.add(cluster, place, format!("HyperPod does not have {name}"), help);
                }
            }
        }
    }
}
