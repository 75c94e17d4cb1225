//! Runs: tasks that are trained over many steps, with progress, logs and checkpoints that survive a
//! crash.
//!
//! The learner, metrics, events and checkpointers come from Burn's `SupervisedTraining`. What Burn
//! counts as an epoch is one optimiser step here, so that a run can stop after any step, write a
//! checkpoint and be resumed from it.

mod best;
mod checkpoint;
mod count;
mod event_file;
mod fine_tune;
mod fine_tune_start;
mod finished_run;
mod location;
mod manifest;
mod map_shapes;
mod metrics_log;
mod migration;
mod named_encoder;
mod observer;
mod online_evaluation;
mod optional_groups;
mod own_task;
mod periodic_evaluation;
mod progress;
mod run_config;
mod saved_encoder;
mod set_detector;
mod settings;
mod simclr;
mod simclr_config;
mod start;
mod stepper;
mod strategy;
mod training;
mod training_config;
mod training_folder;

pub use checkpoint::{Checkpoint, Checkpoints};
pub use count::{CountConfig, train_count, train_count_of};
pub use fine_tune::{FineTuneConfig, HeldOutConfig};
pub use fine_tune_start::FineTuneStart;
pub use finished_run::{FinishedCount, FinishedLocation, FinishedRun, load_run, save_data};
pub use heatmap_core::RunFolder;
pub use location::{LocationConfig, LocationLossName, train_location, train_location_of};
pub use metrics_log::{MetricsLine, MetricsLog};
pub use named_encoder::{NamedEncoder, found_runs, published_name};
pub use observer::RunObserver;
pub use online_evaluation::OnlineEvaluationConfig;
pub use own_task::{train_pair_task, train_task};
pub use progress::ProgressRenderer;
pub use run_config::RunConfig;
pub use saved_encoder::{ENCODER, save_encoder};
pub use set_detector::{SetDetectorConfig, train_set_detector};
pub use settings::Settings;
pub use simclr::{simclr_task, simclr_task_of, train_simclr, train_simclr_of, untrained_encoder};
pub use simclr_config::SimClrConfig;
pub use start::{RunRequest, Started};
pub use strategy::TrainingStats;
pub use training::{Outcome, Selection, TrainingOptions};
pub use training_config::TrainingConfig;
pub use training_folder::TrainingFolder;
