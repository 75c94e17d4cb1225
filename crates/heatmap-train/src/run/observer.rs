//! [`RunObserver`]: receives the messages and the progress of a run.

use burn::train::Interrupter;

/// An observer of long work, such as a terminal or a notebook. All methods do nothing unless they
/// are overridden; `()` observes nothing.
pub trait RunObserver {
    /// Receives a sentence that a user should read.
    fn tell(&self, _sentence: &str) {}

    /// Is called when work on this many images begins; `what` describes the work in a few words.
    fn begin(&self, _what: &str, _images: usize) {}

    /// Is called when this many more of the images are done.
    fn advance(&self, _images: usize) {}

    /// Is called when all images are done.
    fn finish(&self) {}

    /// Is called when training begins. The interrupter can stop it after the current step.
    fn training_begins(&self, _interrupter: &Interrupter) {}

    /// Returns whether training shows its progress on stderr.
    fn shows_progress(&self) -> bool {
        false
    }

    /// Is called when training has ended.
    fn training_ends(&self) {}
}

impl RunObserver for () {}
