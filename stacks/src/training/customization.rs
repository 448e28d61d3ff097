//! Serverless model customization, and managed MLflow.

use stackwright_synth::intrinsic::partition;
use stackwright_synth::{IntoValue, Properties, Value, sub};

use crate::arn::known;
use crate::iam::Statement;
use crate::s3::S3Location;

/// How a base model is fine-tuned by a serverless customization job (`CustomizationTechnique`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CustomizationTechnique {
    /// Supervised fine-tuning (SFT).
    SupervisedFineTuning,
    /// Direct preference optimization (DPO).
    DirectPreferenceOptimization,
    /// Reinforcement learning with verifiable rewards (RLVR).
    ReinforcementLearningVerifiableRewards,
    /// Reinforcement learning with AI feedback (RLAIF): another model evaluates the responses.
    ReinforcementLearningAiFeedback,
}

impl CustomizationTechnique {
    fn name(self) -> &'static str {
        match self {
            Self::SupervisedFineTuning => "SFT",
            Self::DirectPreferenceOptimization => "DPO",
            Self::ReinforcementLearningVerifiableRewards => "RLVR",
            Self::ReinforcementLearningAiFeedback => "RLAIF",
        }
    }
}

/// How a model is evaluated by a serverless customization job (`EvaluationType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvaluationType {
    /// Another model evaluates the responses.
    LlmAsJudge,
    /// A custom scorer, the evaluator of the job, evaluates the responses.
    CustomScorer,
    /// The model is evaluated with a public benchmark.
    Benchmark,
}

impl EvaluationType {
    fn name(self) -> &'static str {
        match self {
            Self::LlmAsJudge => "LLMAJEvaluation",
            Self::CustomScorer => "CustomScorerEvaluation",
            Self::Benchmark => "BenchmarkEvaluation",
        }
    }
}

/// The configuration of serverless model customization (`ServerlessJobConfig`), for
/// [`TrainingJob::serverless`](super::TrainingJob::serverless): SageMaker chooses the image and the instances.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::training::{Customization, CustomizationTechnique, EvaluationType, TrainingJob};
///
/// let model = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/meta-textgeneration-llama-3-2-1b-instruct/1.0.0";
/// let customization = Customization::fine_tuning(model, CustomizationTechnique::SupervisedFineTuning)
///     .accept_license_agreement()
///     .lora();
/// TrainingJob::serverless(customization, S3Location::new("my-runs", "customized/"))
///     .input("train", S3Location::new("my-data", "train.jsonl"));
/// Customization::evaluation(model, EvaluationType::CustomScorer);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Customization {
    base_model: Value<String>,
    job_type: &'static str,
    technique: Option<CustomizationTechnique>,
    accepts_license: bool,
    lora: bool,
    evaluation: Option<EvaluationType>,
    evaluator: Option<Value<String>>,
    sequence_length: Option<Value<String>>,
}

impl Customization {
    /// Creates the configuration of a job that fine-tunes a model of a SageMaker hub, given by the ARN of the hub content. The
    /// role of the job may read the model.
    #[track_caller]
    pub fn fine_tuning(base_model: impl IntoValue<String>, technique: CustomizationTechnique) -> Self {
        Self {
            technique: Some(technique),
            ..Self::of(base_model.into().with_caller_location(), "FineTuning")
        }
    }

    /// Creates the configuration of a job that evaluates a model of a SageMaker hub, given by the ARN of the hub content. The
    /// role of the job may read the model.
    #[track_caller]
    pub fn evaluation(base_model: impl IntoValue<String>, evaluation: EvaluationType) -> Self {
        Self {
            evaluation: Some(evaluation),
            ..Self::of(base_model.into().with_caller_location(), "Evaluation")
        }
    }

    fn of(base_model: Value<String>, job_type: &'static str) -> Self {
        Self {
            base_model,
            job_type,
            technique: None,
            accepts_license: false,
            lora: false,
            evaluation: None,
            evaluator: None,
            sequence_length: None,
        }
    }

    /// Accepts the end-user license agreement of the model (`AcceptEula`). By default, it is not accepted, and SageMaker refuses
    /// a gated model.
    pub fn accept_license_agreement(mut self) -> Self {
        self.accepts_license = true;
        self
    }

    /// Trains low-rank adapters (LoRA) instead of all weights (`Peft`). By default, the property is not set.
    pub fn lora(mut self) -> Self {
        self.lora = true;
        self
    }

    /// Sets the evaluator or the reward function, by the ARN of the hub content (`EvaluatorArn`). By default, there is none. The
    /// role of the job may read the hub content. If the evaluator calls a Lambda function, allow the role to invoke the function
    /// with `.allow(Statement::allow(["lambda:InvokeFunction"]).on(…))`, because the template does not name the function.
    #[track_caller]
    pub fn evaluator(mut self, arn: impl IntoValue<String>) -> Self {
        self.evaluator = Some(arn.into().with_caller_location());
        self
    }

    /// Sets the maximum sequence length in tokens, in the form that the model's recipe uses, such as `4K` (`SequenceLength`). The
    /// default is that of the recipe.
    #[track_caller]
    pub fn sequence_length(mut self, length: impl IntoValue<String>) -> Self {
        self.sequence_length = Some(length.into().with_caller_location());
        self
    }

    pub(super) fn config(&self) -> Properties {
        let mut config = Properties::default();
        config.put("BaseModelArn", &self.base_model);
        config.put("JobType", self.job_type);
        if self.accepts_license {
            config.put("AcceptEula", true);
        }
        if let Some(technique) = self.technique {
            config.put("CustomizationTechnique", technique.name());
        }
        if self.lora {
            config.put("Peft", "LORA");
        }
        if let Some(evaluation) = self.evaluation {
            config.put("EvaluationType", evaluation.name());
        }
        if let Some(arn) = &self.evaluator {
            config.put("EvaluatorArn", arn);
        }
        if let Some(length) = &self.sequence_length {
            config.put("SequenceLength", length);
        }
        config
    }

    /// Returns the statements that the role needs to read the model and the evaluator of a hub.
    pub(super) fn statements(&self) -> Vec<Statement> {
        let mut read = Statement::allow(["sagemaker:DescribeHubContent"]).on(&self.base_model);
        if let Some(arn) = &self.evaluator {
            read = read.on(arn);
        }
        // SageMaker reads the weights of public models from the buckets of JumpStart (policy
        // AmazonSageMakerModelCustomizationCoreAccess).
        let weights = Statement::allow(["s3:GetObject", "s3:ListBucket"])
            .on(sub!("arn:{}:s3:::jumpstart*", partition()));
        vec![read, weights]
    }
}

/// Managed MLflow of SageMaker: the tracking server or MLflow app in which a training job records its metrics and models. The
/// role of the job gets the permissions for it.
///
/// In a job with a container, the environment variable `MLFLOW_TRACKING_ARN` contains the ARN, as the plugin
/// `sagemaker-mlflow` expects it. In a serverless customization job, the ARN is written to `MlflowConfig`.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::training::Mlflow;
///
/// Mlflow::new("arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/experiments")
///     .artifacts(S3Location::new("my-mlflow", "artifacts/"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Mlflow {
    arn: Value<String>,
    artifacts: Option<S3Location>,
    experiment: Option<Value<String>>,
    run: Option<Value<String>>,
}

impl Mlflow {
    /// Refers to a tracking server or an MLflow app, given by its ARN, such as
    /// `arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/experiments`.
    #[track_caller]
    pub fn new(arn: impl IntoValue<String>) -> Self {
        Self { arn: arn.into().with_caller_location(), artifacts: None, experiment: None, run: None }
    }

    /// States the location in S3 of the server's artifact store. The role of the job may read and write there, because the MLflow
    /// client writes files to the artifact store directly. By default, the role gets no such permission.
    pub fn artifacts(mut self, location: S3Location) -> Self {
        self.artifacts = Some(location);
        self
    }

    /// Sets the name of the MLflow experiment of a serverless customization job (`MlflowExperimentName`). By default, the property
    /// is not set. It has no effect on jobs with a container.
    #[track_caller]
    pub fn experiment(mut self, name: impl IntoValue<String>) -> Self {
        self.experiment = Some(name.into().with_caller_location());
        self
    }

    /// Sets the name of the MLflow run of a serverless customization job (`MlflowRunName`). By default, the property is not set.
    /// It has no effect on jobs with a container.
    #[track_caller]
    pub fn run(mut self, name: impl IntoValue<String>) -> Self {
        self.run = Some(name.into().with_caller_location());
        self
    }

    pub(super) fn arn(&self) -> &Value<String> {
        &self.arn
    }

    pub(super) fn config(&self) -> Properties {
        let mut config = Properties::default();
        config.put("MlflowResourceArn", &self.arn);
        if let Some(name) = &self.experiment {
            config.put("MlflowExperimentName", name);
        }
        if let Some(name) = &self.run {
            config.put("MlflowRunName", name);
        }
        config
    }

    pub(super) fn statements(&self) -> Vec<Statement> {
        let actions = [
            "CreateExperiment",
            "CreateModelVersion",
            "CreateRegisteredModel",
            "CreateRun",
            "GetExperiment",
            "GetExperimentByName",
            "GetMetricHistory",
            "GetRun",
            "ListArtifacts",
            "LogBatch",
            "LogInputs",
            "LogMetric",
            "LogModel",
            "LogParam",
            "SearchExperiments",
            "SearchRuns",
            "SetExperimentTag",
            "SetTag",
            "UpdateRun",
        ];
        let record =
            Statement::allow(actions.map(|action| format!("sagemaker-mlflow:{action}"))).on(&self.arn);
        // An MLflow app requires one more permission for calls of its API; a tracking server does not have it.
        let is_server = known(&self.arn).is_some_and(|arn| arn.contains(":mlflow-tracking-server/"));
        let call = (!is_server).then(|| Statement::allow(["sagemaker:CallMlflowAppApi"]).on(&self.arn));
        let artifacts = self.artifacts.iter().flat_map(|location| location.write());
        [record].into_iter().chain(call).chain(artifacts).collect()
    }
}
