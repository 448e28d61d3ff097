"""The stacks of `cli/benches/scale.rs`, with troposphere. STACKS is their number, the first argument the output directory."""

import json
import os
import sys

from troposphere import GetAtt, Ref, Sub, Template
from troposphere.applicationautoscaling import (
    PredefinedMetricSpecification,
    ScalableTarget,
    ScalingPolicy,
    TargetTrackingScalingPolicyConfiguration,
)
from troposphere.cloudwatch import Alarm
from troposphere.iam import Role
from troposphere.s3 import Bucket, BucketEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionRule
from troposphere.sagemaker import (
    ContainerDefinition,
    Endpoint,
    EndpointConfig,
    Model,
    Pipeline,
    PipelineDefinition,
    ProductionVariant,
)

STEP = {
    "Name": "Train",
    "Type": "Training",
    "Arguments": {
        "RoleArn": "${Role.Arn}",
        "AlgorithmSpecification": {
            "TrainingImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-gpu-py312",
            "TrainingInputMode": "File",
        },
        "OutputDataConfig": {"S3OutputPath": "s3://${Models}/models/"},
        "ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
    },
}


def serving():
    template = Template()
    add = template.add_resource
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    add(Role("Role", AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]}))
    rule = ServerSideEncryptionRule(ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms"))
    add(Bucket("Models", BucketEncryption=BucketEncryption(ServerSideEncryptionConfiguration=[rule])))
    container = ContainerDefinition(
        Image="785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:25.09-py3",
        Mode="MultiModel",
        ModelDataUrl=Sub("s3://${Models}/models/"),
    )
    add(Model("Model", ExecutionRoleArn=GetAtt("Role", "Arn"), PrimaryContainer=container))
    variant = ProductionVariant(
        VariantName="AllTraffic",
        ModelName=GetAtt("Model", "ModelName"),
        InstanceType="ml.g5.2xlarge",
        InitialInstanceCount=1,
        InitialVariantWeight=1.0,
    )
    add(EndpointConfig("Config", ProductionVariants=[variant]))
    add(Endpoint("Endpoint", EndpointConfigName=GetAtt("Config", "EndpointConfigName")))
    add(
        ScalableTarget(
            "Target",
            MinCapacity=1,
            MaxCapacity=4,
            ResourceId=Sub("endpoint/${Endpoint.EndpointName}/variant/AllTraffic"),
            RoleARN=GetAtt("Role", "Arn"),
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            ServiceNamespace="sagemaker",
        )
    )
    metric = PredefinedMetricSpecification(PredefinedMetricType="SageMakerVariantInvocationsPerInstance")
    tracking = TargetTrackingScalingPolicyConfiguration(TargetValue=200.0, PredefinedMetricSpecification=metric)
    add(
        ScalingPolicy(
            "Scaling",
            PolicyName="invocations",
            PolicyType="TargetTrackingScaling",
            ScalingTargetId=Ref("Target"),
            TargetTrackingScalingPolicyConfiguration=tracking,
        )
    )
    add(
        Alarm(
            "Errors",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="Invocation5XXErrors",
            Namespace="AWS/SageMaker",
            Period=60,
            Statistic="Sum",
            Threshold=5.0,
        )
    )
    body = Sub(json.dumps({"Version": "2020-12-01", "Steps": [STEP]}))
    add(
        Pipeline(
            "Pipeline",
            PipelineName="training",
            PipelineDefinition=PipelineDefinition(PipelineDefinitionBody=body),
            RoleArn=GetAtt("Role", "Arn"),
        )
    )
    return template.to_json()


os.makedirs(sys.argv[1], exist_ok=True)
for number in range(int(os.environ.get("STACKS", "1"))):
    with open(os.path.join(sys.argv[1], f"Serving{number}.template.json"), "w") as file:
        file.write(serving())
