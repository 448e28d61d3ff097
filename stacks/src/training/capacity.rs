//! The capacity that a training job runs on.

use stackwright_synth::{IntoValue, Value};

use super::checkpoints::Checkpoints;
use crate::duration::Seconds;

/// The capacity that a training job runs on: [`Spot`], a [`WarmPool`] or a [`TrainingPlan`], which convert into it. A job
/// without any of them runs on on-demand instances.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TrainingCapacity {
    /// Spot instances, which AWS can interrupt.
    Spot(Spot),
    /// Instances of a warm pool, which are kept running for the next job.
    WarmPool(WarmPool),
    /// Capacity that is reserved by a training plan.
    TrainingPlan(TrainingPlan),
}

/// Managed spot training: unused capacity at a lower price, which AWS can interrupt. SageMaker restarts an
/// interrupted job until the maximum waiting time is over, and the script resumes from its last checkpoint.
///
/// The settings include the maximum waiting time, the location of checkpoints, and SageMaker's retries after internal
/// errors. A pipeline or a state machine starts the job again after a capacity error.
///
/// With an [`S3Location`](crate::S3Location), each run of the pipeline, state machine or schedule has its own checkpoints below the location: an
/// interrupted job resumes, and the next run starts from the beginning. With [`Checkpoints::continuing`], a run continues
/// from the checkpoints of earlier runs.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::{S3Location, training::{Checkpoints, Spot}};
///
/// let location = S3Location::new("my-runs", "checkpoints/");
/// Spot::new(Duration::from_hours(24), location.clone());
/// Spot::new(Duration::from_hours(24), Checkpoints::continuing(location));
/// ```
#[derive(Clone, Debug)]
pub struct Spot {
    pub(super) max_wait: Value<i64>,
    pub(super) checkpoints: Box<Checkpoints>,
}

impl Spot {
    /// Creates settings with the maximum time for waiting and running together (`MaxWaitTimeInSeconds`), which must not be
    /// shorter than the maximum run time of the job, and the location of checkpoints.
    #[track_caller]
    pub fn new(max_wait: impl Into<Seconds>, checkpoints: impl Into<Checkpoints>) -> Self {
        Self { max_wait: max_wait.into().0.with_caller_location(), checkpoints: Box::new(checkpoints.into()) }
    }
}

/// A warm pool: the instances of the job are kept for a time after it ends, for the next job. They are charged during
/// this time.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::training::WarmPool;
///
/// WarmPool::new(Duration::from_mins(10));
/// ```
#[derive(Clone, Debug)]
pub struct WarmPool {
    pub(super) keep_alive: Value<i64>,
}

impl WarmPool {
    /// Creates a warm pool whose instances are kept for this time, at most one hour (`KeepAlivePeriodInSeconds`).
    #[track_caller]
    pub fn new(keep_alive: impl Into<Seconds>) -> Self {
        Self { keep_alive: keep_alive.into().0.with_caller_location() }
    }
}

/// Capacity that a SageMaker training plan reserves.
///
/// ```
/// use stackwright_stacks::training::TrainingPlan;
///
/// TrainingPlan::new("arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5-november");
/// ```
#[derive(Clone, Debug)]
pub struct TrainingPlan {
    pub(super) arn: Value<String>,
}

impl TrainingPlan {
    /// Refers to a training plan by its ARN, such as `arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5-november`.
    #[track_caller]
    pub fn new(arn: impl IntoValue<String>) -> Self {
        Self { arn: arn.into().with_caller_location() }
    }
}

impl From<Spot> for TrainingCapacity {
    fn from(spot: Spot) -> Self {
        Self::Spot(spot)
    }
}

impl From<WarmPool> for TrainingCapacity {
    fn from(pool: WarmPool) -> Self {
        Self::WarmPool(pool)
    }
}

impl From<TrainingPlan> for TrainingCapacity {
    fn from(plan: TrainingPlan) -> Self {
        Self::TrainingPlan(plan)
    }
}
