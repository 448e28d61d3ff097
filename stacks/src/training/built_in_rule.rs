//! The rules of SageMaker Debugger that AWS maintains.

/// A rule of SageMaker Debugger that AWS maintains, as listed by the package `smdebug-rulesconfig` 1.0.1. For another rule, use
/// [`DebuggerRule::custom`](super::DebuggerRule::custom) with the parameter `rule_to_invoke`.
///
/// ```
/// use stackwright_stacks::training::BuiltInRule;
///
/// assert_eq!(BuiltInRule::CpuBottleneck.name(), "CPUBottleneck");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuiltInRule {
    /// Reports tensors with too many zeros.
    AllZero,
    /// Reports input images that are not normalized.
    CheckInputImages,
    /// Reports classes whose numbers of samples are very different.
    ClassImbalance,
    /// Reports a confusion matrix that is not good enough.
    Confusion,
    /// Writes a report about a training job with XGBoost.
    CreateXgboostReport,
    /// Reports inactive ReLU activations.
    DeadRelu,
    /// Reports tensors with values that are not finite.
    ExplodingTensor,
    /// Reports that a few features have most of the importance.
    FeatureImportanceOverweight,
    /// Reports a loss that does not decrease.
    LossNotDecreasing,
    /// Reports sequences with too many tokens of a kind, such as padding.
    NlpSequenceRatio,
    /// Reports a model that fits the training data much better than the validation data.
    Overfit,
    /// Reports a training job that continues although the model does not improve.
    Overtraining,
    /// Reports weights that are initialized poorly.
    PoorWeightInitialization,
    /// Reports saturated activations of tanh or sigmoid.
    SaturatedActivation,
    /// Compares tensors with those of another run.
    SimilarAcrossRuns,
    /// Reports a training job that makes no progress.
    StalledTraining,
    /// Reports tensors whose variance is too high or too low.
    TensorVariance,
    /// Measures the depth of the trees of an XGBoost model.
    TreeDepth,
    /// Reports tensors that do not change.
    UnchangedTensor,
    /// Reports gradients that become very small.
    VanishingGradient,
    /// Reports updates of weights that are too large or too small.
    WeightUpdateRatio,
    /// Reports a batch that is too small for the instance.
    BatchSize,
    /// Reports GPUs that wait for CPUs.
    CpuBottleneck,
    /// Compares the number of data loaders with the number of CPU cores.
    Dataloader,
    /// Reports a large increase of the use of GPU memory.
    GpuMemoryIncrease,
    /// Reports GPUs that wait for data.
    IoBottleneck,
    /// Reports GPUs whose load is unequal.
    LoadBalancing,
    /// Reports GPUs with a low or irregular utilization.
    LowGpuUtilization,
    /// Reports a long initialization.
    MaxInitializationTime,
    /// Measures the utilization of each node.
    OverallSystemUsage,
    /// Reports steps that take much longer than others.
    StepOutlier,
    /// Evaluates the rules of the profiler, and writes a report.
    ProfilerReport,
}

impl BuiltInRule {
    /// Returns the name of the rule, such as `ProfilerReport` (`rule_to_invoke`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllZero => "AllZero",
            Self::CheckInputImages => "CheckInputImages",
            Self::ClassImbalance => "ClassImbalance",
            Self::Confusion => "Confusion",
            Self::CreateXgboostReport => "CreateXgboostReport",
            Self::DeadRelu => "DeadRelu",
            Self::ExplodingTensor => "ExplodingTensor",
            Self::FeatureImportanceOverweight => "FeatureImportanceOverweight",
            Self::LossNotDecreasing => "LossNotDecreasing",
            Self::NlpSequenceRatio => "NLPSequenceRatio",
            Self::Overfit => "Overfit",
            Self::Overtraining => "Overtraining",
            Self::PoorWeightInitialization => "PoorWeightInitialization",
            Self::SaturatedActivation => "SaturatedActivation",
            Self::SimilarAcrossRuns => "SimilarAcrossRuns",
            Self::StalledTraining => "StalledTrainingRule",
            Self::TensorVariance => "TensorVariance",
            Self::TreeDepth => "TreeDepth",
            Self::UnchangedTensor => "UnchangedTensor",
            Self::VanishingGradient => "VanishingGradient",
            Self::WeightUpdateRatio => "WeightUpdateRatio",
            Self::BatchSize => "BatchSize",
            Self::CpuBottleneck => "CPUBottleneck",
            Self::Dataloader => "Dataloader",
            Self::GpuMemoryIncrease => "GPUMemoryIncrease",
            Self::IoBottleneck => "IOBottleneck",
            Self::LoadBalancing => "LoadBalancing",
            Self::LowGpuUtilization => "LowGPUUtilization",
            Self::MaxInitializationTime => "MaxInitializationTime",
            Self::OverallSystemUsage => "OverallSystemUsage",
            Self::StepOutlier => "StepOutlier",
            Self::ProfilerReport => "ProfilerReport",
        }
    }
}
