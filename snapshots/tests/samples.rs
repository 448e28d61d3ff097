//! Public samples of SageMaker as pipelines and endpoints of this library (aws/amazon-sagemaker-examples): a tuning pipeline with
//! a second choice, a pipeline with evaluation and batch transform, a serial inference pipeline, and an asynchronous endpoint
//! that scales to zero.
#![allow(clippy::unwrap_used)]

use snapshots::needs::{Outside, assert_sufficient};
use stackwright::prelude::*;
use stackwright::stacks::container::{Container, Containers};
use stackwright::stacks::launch::pipeline::{
    Comparison, Measure, ModelMetric, Objective, ParameterRange, RangeScaling, TuningStrategy, WarmStart,
};
use stackwright::stacks::launch::{CreateModelStep, StepOptions};
use stackwright::stacks::training::RunLocation;

/// What both pipelines start with.
struct Abalone {
    bucket: PrivateBucketHandle,
    pipeline: Pipeline,
    training_type: Value<String>,
    processing_count: Value<i64>,
    approval: Value<String>,
    input: Value<String>,
}

fn image() -> ContainerImage {
    ContainerImage::xgboost("1.7-1")
}

impl Abalone {
    fn new(stack: &Stack) -> Self {
        let bucket = stack.add("Runs", PrivateBucket::new());
        let mut pipeline = Pipeline::new();
        let training_type = pipeline.parameter("TrainingInstanceType", "ml.m5.xlarge");
        let processing_count = pipeline.parameter("ProcessingInstanceCount", 1);
        let approval = pipeline.parameter("ModelApprovalStatus", "PendingManualApproval");
        let input = pipeline.parameter("InputDataUrl", "s3://example-files/abalone.csv");
        Self { bucket, pipeline, training_type, processing_count, approval, input }
    }

    fn prepared(&mut self) -> [RunLocation; 3] {
        let input = RunLocation::within(S3Location::new("example-files", ""), &self.input);
        let script = Asset::archive().file("preprocess.py", "print('prepared')");
        let output = |name: &str| self.bucket.location("prepared").per_run().join(name);
        let job = ProcessingJob::new(ContainerImage::sklearn("1.2-1"), "ml.m5.xlarge")
            .instances(&self.processing_count)
            .source(script, "preprocess.py")
            .argument("--input-data")
            .argument(&self.input)
            .input("input", input)
            .output("train", output("train"))
            .output("validation", output("validation"))
            .output("test", output("test"));
        let prepared = self.pipeline.step("Preprocess", ProcessingStep::new(job));
        ["train", "validation", "test"].map(|name| prepared.output(name))
    }

    fn job(&self, [train, validation, _]: &[RunLocation; 3]) -> TrainingJob {
        let instances = Instances::of(&self.training_type, 1);
        let csv = |data: &RunLocation| Input::s3(data.clone()).content_type("text/csv");
        TrainingJob::new(image(), instances, self.bucket.location("AbaloneTrain"))
            .hyperparameter("eval_metric", "rmse")
            .hyperparameter("objective", "reg:squarederror")
            .hyperparameter("num_round", 50)
            .hyperparameter("eta", 0.2)
            .input("train", csv(train))
            .input("validation", csv(validation))
    }

    fn evaluation(&self, model: RunLocation, test: &RunLocation) -> ProcessingStep {
        let script = Asset::archive().file("evaluate.py", "print('evaluated')");
        let job = ProcessingJob::new(image(), "ml.m5.xlarge")
            .source(script, "evaluate.py")
            .input("model", model)
            .input("test", test.clone())
            .output("evaluation", self.bucket.location("evaluation").per_run());
        ProcessingStep::new(job).property_file("Report", PropertyFile::in_output("evaluation"))
    }

    fn register(&self, model: RunLocation) -> RegisterModelStep {
        RegisterModelStep::new("abalone", model, image())
            .content_types(["text/csv"])
            .response_types(["text/csv"])
            .instance_types(["ml.t2.medium", "ml.m5.large"])
            .transform_instance_types(["ml.m5.large"])
            .status(&self.approval)
            .set("/Arguments/SkipModelValidation", "None")
    }
}

/// `ml_ops/sm-pipelines_hyperparameter_tuning.ipynb`
fn tuning(app: &App) {
    let stack = app.stack("Tuning").region("us-east-1");
    let mut abalone = Abalone::new(&stack);
    let data = abalone.prepared();
    let tuning = || {
        TuningJob::new(abalone.job(&data), Objective::Minimize, "validation:rmse", 3)
            .parallel(3)
            .strategy(TuningStrategy::Random)
            .range("alpha", ParameterRange::Continuous(0.01, 10.0))
            .scaling("alpha", RangeScaling::Logarithmic)
    };
    let (first, again) = (tuning(), tuning());
    let tuned = abalone.pipeline.step("Tune", TuningStep::new(first));
    let again = again.warm_start(WarmStart::IdenticalDataAndAlgorithm, [tuned.job_name()]);
    abalone.pipeline.step("TuneAgain", TuningStep::new(again));
    abalone.pipeline.step("CreateBest", CreateModelStep::new(image()).model(tuned.model_at(0)));
    abalone.pipeline.step("CreateSecond", CreateModelStep::new(image()).model(tuned.model_at(1)));
    let evaluated = abalone.evaluation(tuned.model_at(0), &data[2]);
    let evaluated = abalone.pipeline.step("Evaluate", evaluated);
    let register = abalone.register(tuned.model_at(0)).metric(
        ModelMetric::ModelQualityStatistics,
        evaluated.output("evaluation").join("evaluation.json"),
        "application/json",
    );
    let is_good = evaluated.measure("Report", "regression_metrics.mse.value").at_most(6.0);
    abalone.pipeline.step("Check", ConditionStep::when(is_good).then("Register", register));
    stack.add("Pipeline", abalone.pipeline);
}

/// `ml_ops/sm-pipelines_preprocess_train_evaluate_batch_transform.ipynb`, and the featurizer of
/// `deploy_and_monitor/sm-inference_pipeline_with_scikit_linear_learner.ipynb` before the model.
fn batch(app: &App) {
    let stack = app.stack("Batch").region("us-east-1");
    let mut abalone = Abalone::new(&stack);
    let threshold = abalone.pipeline.parameter("MseThreshold", 6.0);
    let stage = abalone.pipeline.parameter("Stage", "test");
    let data = abalone.prepared();
    let job = abalone.job(&data);
    let trained = abalone.pipeline.step("Train", TrainingStep::new(job));
    let evaluated = abalone.evaluation(trained.model(), &data[2]);
    let evaluated = abalone.pipeline.step("Evaluate", evaluated);
    let featurizer = S3Location::new("my-models", "featurizer/model.tar.gz");
    let (input, answers) = (abalone.bucket.location("batch/"), abalone.bucket.location("answers/"));
    let model = CreateModelStep::new(ContainerImage::sklearn("1.2-1"))
        .model(featurizer.clone())
        .environment("SAGEMAKER_PROGRAM", "featurizer.py")
        .next_container(image())
        .model(trained.model())
        .reads(input.clone())
        .writes(answers.clone());
    let model = abalone.pipeline.step("Model", model);
    let transform =
        TransformStep::new(&model, "ml.m5.xlarge", TransformData::read(input).write(answers.per_run()));
    let mse = evaluated.measure("Report", "regression_metrics.mse.value");
    let register = RegisterModelStep::new("abalone", featurizer, ContainerImage::sklearn("1.2-1"))
        .next_container(trained.model(), image())
        .status(&abalone.approval);
    let failed =
        FailStep::new(stackwright::sub!("The error is above {}", &threshold)).display_name("Too weak");
    let check = ConditionStep::when(mse.at_most(&threshold))
        .and(Comparison::is_one_of(&stage, ["test", "staging"]).or(Measure::from(threshold).below(1.0)))
        .and(Comparison::not(Comparison::equal(stage, "off")))
        .then("Answer", transform)
        .then("Register", register.after("Answer"))
        .otherwise("Fail", failed)
        .after("Model");
    abalone.pipeline.step("Check", check);
    stack.add("Pipeline", abalone.pipeline);
}

/// `deploy_and_monitor/sm-inference_pipeline_with_scikit_linear_learner.ipynb`, and
/// `archived/HuggingFace-Async-Inference-Walkthrough.ipynb` with the scaling of
/// `deploy_and_monitor/sm-async_inference_walkthrough.ipynb`.
fn endpoints(app: &App) {
    let stack = app.stack("Endpoints").region("us-east-1");
    let bucket = stack.add("Data", PrivateBucket::new());
    let featurizer = Container::new(ContainerImage::sklearn("1.2-1"))
        .model(bucket.location("featurizer/model.tar.gz"))
        .environment("SAGEMAKER_PROGRAM", "featurizer.py");
    let linear = ContainerImage::aws("linear-learner", "1", Processor::Cpu);
    let regressor = Container::new(linear).model(bucket.location("regressor/model.tar.gz"));
    let serial = Containers::serial([featurizer, regressor]);
    stack.add("Serial", RealTimeEndpoint::new(Variant::new("Main", serial, "ml.c5.xlarge")));
    let sentiment = Container::new(ContainerImage::huggingface_inference("4.26.0", Processor::Cpu))
        .model(bucket.location("sentiment/model.tar.gz"))
        .environment("HF_TASK", "text-classification");
    stack.add(
        "Asynchronous",
        AsynchronousEndpoint::new(sentiment, "ml.m5.xlarge", bucket.location("output/"))
            .requests(bucket.location("input/"))
            // Adds the step that starts the first instance when requests wait without one, as the sample does.
            .scale(0..=5, TargetTracking::backlog_per_instance(5.0)),
    );
}

#[test]
fn pipelines_of_public_samples_are_what_others_take() {
    snapshots::needs!("python/bin/python");
    let app = App::new("samples");
    tuning(&app);
    batch(&app);
    assert_sufficient("samples", &app, &Outside::default(), &[]);
    let directory = tempfile::tempdir().unwrap();
    let assembly = directory.path().join("out");
    stackwright::testing::synth(&app).write(&assembly).unwrap();
    let report = snapshots::judged_by("launchers.py", &assembly);
    for checked in
        ["templates: 2", "tuning requests: 2", "models: 3", "model packages: 2", "transform requests: 1"]
    {
        assert!(report.contains(checked), "not {checked:?} in\n{report}");
    }
    let template = app.synth().unwrap().stacks[0].template.json().to_owned();
    for path in ["TrainingJobSummaries[1].TrainingJobName", "Steps.Tune.HyperParameterTuningJobName"] {
        assert!(template.contains(path), "{path}");
    }
}

#[test]
fn endpoints_of_public_samples_are_what_others_take() {
    snapshots::needs!("python/bin/python");
    let app = App::new("samples");
    endpoints(&app);
    assert_sufficient("samples", &app, &Outside::default(), &[]);
    let directory = tempfile::tempdir().unwrap();
    let assembly = directory.path().join("out");
    stackwright::testing::synth(&app).write(&assembly).unwrap();
    let report = snapshots::judged_by("endpoints.py", &assembly);
    assert!(report.contains("templates: 1"), "{report}");
}
