//! Where the instances of a training job come from. One source excludes the others.

use stackwright_synth::{IntoValue, Value};

use super::checkpoints::Checkpoints;
use crate::duration::Seconds;

/// Where the instances come from: [`Spot`], a [`WarmPool`] or a [`TrainingPlan`]. A job without one runs on demand.
#[derive(Clone, Debug)]
pub enum TrainingCapacity {
    /// Spare capacity that can be interrupted.
    Spot(Spot),
    /// Instances that are kept for the next job.
    WarmPool(WarmPool),
    /// Reserved capacity.
    TrainingPlan(TrainingPlan),
}

/// Managed spot training: spare capacity at a lower price, which AWS can interrupt. SageMaker starts the job again
/// as long as there is time to wait, and the script resumes from its last checkpoint.
///
/// It sets the maximum waiting time, the location of checkpoints and SageMaker's retries after internal errors. The
/// launcher of the job tries again after a capacity error.
///
/// Given a location, every run of the launcher has checkpoints of its own below it: an interrupted job resumes, and the
/// next run starts from the beginning. [`Checkpoints::continuing`] lets a run continue what earlier runs left.
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
    /// Spot capacity with the maximum time for waiting and running together, and where checkpoints are kept.
    #[track_caller]
    pub fn new(max_wait: impl Into<Seconds>, checkpoints: impl Into<Checkpoints>) -> Self {
        Self { max_wait: max_wait.into().0.with_caller_location(), checkpoints: Box::new(checkpoints.into()) }
    }
}

/// Instances that are kept for a while after the job, for the next one. They are charged while they wait.
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
    /// A warm pool with the time for which the instances are kept, at most one hour.
    #[track_caller]
    pub fn new(keep_alive: impl Into<Seconds>) -> Self {
        Self { keep_alive: keep_alive.into().0.with_caller_location() }
    }
}

/// Capacity that a training plan of SageMaker reserved.
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
    /// By the plan's ARN.
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
