//! How a training job gets its instances, and what it pays for them. One way excludes the others.

use stackwright_synth::{IntoValue, Value};

use crate::duration::Seconds;
use crate::s3::S3Location;

/// Where the instances come from: [`Spot`], a [`WarmPool`], a [`TrainingPlan`]; on demand where nothing is said.
#[derive(Clone, Debug)]
pub enum Capacity {
    /// Spare capacity.
    Spot(Spot),
    /// Instances that stay for the next job.
    WarmPool(WarmPool),
    /// Reserved capacity.
    TrainingPlan(TrainingPlan),
}

/// Managed spot training: cheaper by far, and interrupted now and then. SageMaker starts the job again by
/// itself, as long as there is time to wait, and the script goes on from its last checkpoint.
///
/// It brings all of it: the longest time in all, where checkpoints are kept, and new tries after an error inside
/// SageMaker. What launches the job tries again where there was no capacity.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::{S3Location, training::Spot};
///
/// Spot::new(Duration::from_hours(24), S3Location::new("my-runs", "checkpoints/"));
/// ```
#[derive(Clone, Debug)]
pub struct Spot {
    pub(super) max_wait: Value<i64>,
    pub(super) checkpoints: S3Location,
}

impl Spot {
    /// With the time that waiting and running may take together, and where checkpoints are kept.
    #[track_caller]
    pub fn new(max_wait: impl Into<Seconds>, checkpoints: S3Location) -> Self {
        Self { max_wait: max_wait.into().0.with_caller_location(), checkpoints }
    }
}

/// Instances that stay for a while after the job, for the next one. They cost while they wait.
#[derive(Clone, Debug)]
pub struct WarmPool {
    pub(super) keep_alive: Value<i64>,
}

impl WarmPool {
    /// With the time that they stay.
    #[track_caller]
    pub fn new(keep_alive: impl Into<Seconds>) -> Self {
        Self { keep_alive: keep_alive.into().0.with_caller_location() }
    }
}

/// Capacity that a training plan reserved.
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

impl From<Spot> for Capacity {
    fn from(spot: Spot) -> Self {
        Self::Spot(spot)
    }
}

impl From<WarmPool> for Capacity {
    fn from(pool: WarmPool) -> Self {
        Self::WarmPool(pool)
    }
}

impl From<TrainingPlan> for Capacity {
    fn from(plan: TrainingPlan) -> Self {
        Self::TrainingPlan(plan)
    }
}
