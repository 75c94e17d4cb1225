//! Training tasks: each combines a network with its loss as Burn's `TrainStep` and `InferenceStep`.

mod count;
mod location;
mod set_detector;
mod simclr;
mod step_output;
mod task_output;

pub use count::{
    Count, CountLoss, CountMae, CountOutput, CountTrainingLoss, ExactAccuracy, GuidedDensity,
    WithinOne,
};
pub use location::{
    CardinalityAccuracy, Location, LocationChamfer, LocationF1, LocationLoss, LocationOutput,
    LocationTrainingLoss, ProposedCentre,
};
pub use set_detector::{
    SetDetector, SetDetectorAccuracy, SetDetectorAuroc, SetDetectorLoss, SetDetectorOutput,
};
pub use simclr::{
    ContrastiveLossMetric, ContrastiveOutput, ContrastiveTop1, GradientNorm, Precision, SimClr,
    SimClrOptions, TemperatureMetric,
};
pub use step_output::StepOutput;
pub use task_output::{TaskLoss, TaskOutput, TaskScore};
