//! What a user may say about the training of any run; whatever has no option of its own is a
//! `--set KEY=VALUE`.

use clap::Args;
use heatmap_train::optim::{OptimizerName, Warmup};
use heatmap_train::run::TrainingConfig;

/// Length, optimiser and checkpoints. What is not said is as the program's recipe has it, which
/// its last lines of help tell.
#[derive(Debug, Clone, Args)]
pub struct TrainingArguments {
    /// Batches to train on
    #[arg(long, value_name = "N")]
    batches: Option<usize>,

    /// Optimiser: adam, adamw, lars or sgd
    #[arg(long, value_name = "NAME")]
    optimizer: Option<OptimizerName>,

    /// Largest learning rate
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,

    /// Batches in which the rate rises to it along a line, or below 1 a share of all batches; then
    /// it falls to zero along a cosine
    #[arg(long, value_name = "N")]
    warmup_batches: Option<Warmup>,

    /// Weight decay, which spares biases and the parameters of normalisation
    #[arg(long, value_name = "FACTOR")]
    weight_decay: Option<f64>,

    /// Largest norm of the gradient; a longer one is shortened to it [default: none]
    #[arg(long, value_name = "NORM")]
    clip_norm: Option<f64>,

    /// Batches between checkpoints, and between evaluations on held-out samples
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<usize>,
}

impl TrainingArguments {
    /// Puts what the user said into `config`.
    pub fn overlay(&self, seed: Option<u64>, config: &mut TrainingConfig) {
        put(&mut config.seed, &seed);
        put(&mut config.batches, &self.batches);
        let optimizer = &mut config.optimizer;
        put(&mut optimizer.name, &self.optimizer);
        put(&mut optimizer.learning_rate, &self.learning_rate);
        put(&mut optimizer.warmup_batches, &self.warmup_batches);
        put(&mut optimizer.weight_decay, &self.weight_decay);
        optimizer.clip_norm = self.clip_norm.or(optimizer.clip_norm);
        config.checkpoint_every = self.checkpoint_every.or(config.checkpoint_every);
    }
}

/// Puts what was said in the place of a default.
pub(crate) fn put<T: Clone>(place: &mut T, said: &Option<T>) {
    if let Some(said) = said {
        *place = said.clone();
    }
}
