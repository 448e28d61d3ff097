// The stacks of `cli/benches/scale.rs`, with the CDK. STACKS is their number, and the first argument the output directory of
// synthesis without the CLI.
const { App, Stack, Fn } = require('aws-cdk-lib');
const iam = require('aws-cdk-lib/aws-iam');
const s3 = require('aws-cdk-lib/aws-s3');
const sagemaker = require('aws-cdk-lib/aws-sagemaker');
const scaling = require('aws-cdk-lib/aws-applicationautoscaling');
const cloudwatch = require('aws-cdk-lib/aws-cloudwatch');

const app = new App(process.argv[2] ? { outdir: process.argv[2] } : {});
for (let number = 0; number < Number(process.env.STACKS || 1); number += 1) {
  const stack = new Stack(app, `Serving${number}`, { env: { region: 'us-east-1' } });
  const role = new iam.CfnRole(stack, 'Role', {
    assumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'sagemaker.amazonaws.com' } }],
    },
  });
  const bucket = new s3.CfnBucket(stack, 'Models', {
    bucketEncryption: {
      serverSideEncryptionConfiguration: [{ serverSideEncryptionByDefault: { sseAlgorithm: 'aws:kms' } }],
    },
  });
  const model = new sagemaker.CfnModel(stack, 'Model', {
    executionRoleArn: role.attrArn,
    primaryContainer: {
      image: '785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:25.09-py3',
      mode: 'MultiModel',
      modelDataUrl: Fn.sub('s3://${Bucket}/models/', { Bucket: bucket.ref }),
    },
  });
  const config = new sagemaker.CfnEndpointConfig(stack, 'Config', {
    productionVariants: [{
      variantName: 'AllTraffic', modelName: model.attrModelName, instanceType: 'ml.g5.2xlarge', initialInstanceCount: 1,
      initialVariantWeight: 1,
    }],
  });
  const endpoint = new sagemaker.CfnEndpoint(stack, 'Endpoint', { endpointConfigName: config.attrEndpointConfigName });
  const target = new scaling.CfnScalableTarget(stack, 'Target', {
    minCapacity: 1, maxCapacity: 4, roleArn: role.attrArn, serviceNamespace: 'sagemaker',
    resourceId: Fn.sub('endpoint/${Name}/variant/AllTraffic', { Name: endpoint.attrEndpointName }),
    scalableDimension: 'sagemaker:variant:DesiredInstanceCount',
  });
  new scaling.CfnScalingPolicy(stack, 'Scaling', {
    policyName: 'invocations', policyType: 'TargetTrackingScaling', scalingTargetId: target.ref,
    targetTrackingScalingPolicyConfiguration: {
      targetValue: 200,
      predefinedMetricSpecification: { predefinedMetricType: 'SageMakerVariantInvocationsPerInstance' },
    },
  });
  new cloudwatch.CfnAlarm(stack, 'Errors', {
    comparisonOperator: 'GreaterThanThreshold', evaluationPeriods: 1, metricName: 'Invocation5XXErrors',
    namespace: 'AWS/SageMaker', period: 60, statistic: 'Sum', threshold: 5,
  });
  const step = {
    Name: 'Train', Type: 'Training',
    Arguments: {
      RoleArn: '${Role}',
      AlgorithmSpecification: {
        TrainingImage: '763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-gpu-py312',
        TrainingInputMode: 'File',
      },
      OutputDataConfig: { S3OutputPath: 's3://${Bucket}/models/' },
      ResourceConfig: { InstanceType: 'ml.g5.2xlarge', InstanceCount: 1, VolumeSizeInGB: 100 },
      StoppingCondition: { MaxRuntimeInSeconds: 86400 },
    },
  };
  new sagemaker.CfnPipeline(stack, 'Pipeline', {
    pipelineName: 'training', roleArn: role.attrArn,
    pipelineDefinition: {
      PipelineDefinitionBody: Fn.sub(JSON.stringify({ Version: '2020-12-01', Steps: [step] }), {
        Role: role.attrArn, Bucket: bucket.ref,
      }),
    },
  });
}
app.synth();
