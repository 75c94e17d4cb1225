//! [`ScalarMetric`]: a burn-train metric that averages numbers the step has already computed.

use std::marker::PhantomData;
use std::sync::Arc;

use burn::tensor::TensorReadError;
use burn::train::metric::state::{FormatOptions, NumericMetricState};
use burn::train::metric::{
    Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry,
    SerializedEntry,
};

/// A named scalar in the output of a step, with the number of samples that it is averaged over.
pub trait Scalar: Clone + Send + Sync + 'static {
    /// Name of the metric in logs, in lower case with underscores.
    const NAME: &'static str;
    /// Whether a larger value is better.
    const HIGHER_IS_BETTER: bool;

    /// Returns the value of the scalar.
    fn value(&self) -> f64;

    /// Returns the number of samples that the value is the mean of, which is its weight.
    fn samples(&self) -> usize;
}

/// Defines a metric for each listed field of a step's output type. The type must be `Copy` and have
/// a field `images`.
macro_rules! scalar_metrics {
    ($output:ty {
        $($(#[$doc:meta])*
        $metric:ident = $name:literal, higher_is_better: $better:literal, $field:ident;)+
    }) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $metric($output);

        impl $crate::metric::Scalar for $metric {
            const NAME: &'static str = $name;
            const HIGHER_IS_BETTER: bool = $better;

            fn value(&self) -> f64 {
                self.0.$field
            }

            fn samples(&self) -> usize {
                self.0.images
            }
        }

        impl burn::train::metric::Adaptor<$metric> for $output {
            fn adapt(&self) -> $metric {
                $metric(*self)
            }
        }
    )+};
}
pub(crate) use scalar_metrics;

/// A burn-train metric that reports the mean of a [`Scalar`], weighted by its samples.
#[derive(Clone)]
pub struct ScalarMetric<S> {
    name: MetricName,
    state: NumericMetricState,
    scalar: PhantomData<fn() -> S>,
}

impl<S: Scalar> ScalarMetric<S> {
    /// Creates a metric without values.
    pub fn new() -> Self {
        Self {
            name: Arc::new(S::NAME.to_owned()),
            state: NumericMetricState::default(),
            scalar: PhantomData,
        }
    }

    fn format(&self) -> FormatOptions {
        FormatOptions::new(self.name.clone()).precision(4)
    }
}

impl<S: Scalar> Default for ScalarMetric<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Scalar> Metric for ScalarMetric<S> {
    type Input = S;

    fn name(&self) -> MetricName {
        self.name.clone()
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes { unit: None, higher_is_better: S::HIGHER_IS_BETTER }.into()
    }

    fn update(
        &mut self,
        item: &S,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        self.state.update(item.value(), item.samples());
        Ok(self.state.compute_update(self.format()))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        Ok(self.state.compute_final(self.format()))
    }

    fn clear(&mut self) {
        self.state.reset();
    }
}

impl<S: Scalar> Numeric for ScalarMetric<S> {
    fn value(&self) -> Option<NumericEntry> {
        Some(self.state.current_value())
    }

    fn running_value(&self) -> Option<NumericEntry> {
        Some(self.state.running_value())
    }

    fn final_value(&self) -> NumericEntry {
        self.state.final_value()
    }
}
