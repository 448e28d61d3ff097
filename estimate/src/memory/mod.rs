//! GPU memory of training and of inference.
//!
//! The estimate of a training step follows what the framework allocates, operator by operator, for the architectures
//! of Hugging Face's transformers under PyTorch's FSDP2 and DistributedDataParallel and under DeepSpeed. Nothing is
//! fitted to measurements; `docs/estimating.md` lists the errors compared with measured runs.

mod candidates;
mod formulas;
mod inference;
mod layers;
pub mod measured;
mod packing;
mod shape;
mod stated;
mod tape;
mod training;
mod verdict;
mod weights;

pub use candidates::Candidate;
pub use formulas::{ActivationFormula, Recomputation, StatesFormula};
pub use inference::{Inference, InferenceError, InferenceEstimate, WeightPrecision, inference_estimate};
pub use packing::{
    ComponentNeeds, PackedModel, PackingError, PackingEstimate, instances_for_components, packed_models,
    packing_estimate,
};
pub use shape::{Architecture, Experts, ImageSize, Implementation, ModelShape, ShapeError, Vision};
pub(crate) use stated::step_of;
pub use stated::{
    JobMemory, MEMBER as STATEMENT_MEMBER, ONLY as ONLY_JOB, Stated, StatedMemory, StatementError,
    inference_statement, model_statement, models_statement, packing_statement, stated, training_statement,
    training_statements,
};
pub use tape::{Category, StepPhase};
pub use training::{
    Attention, CategoryBytes, Offload, Peak, Strategy, Training, TrainingError, training_peak,
};
pub use verdict::{
    Gpu, MemoryVerdict, TrainingEstimate, gpu_of, training_candidates, training_estimate, verdict,
};
