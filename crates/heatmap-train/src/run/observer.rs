//! [`RunObserver`]: who watches a run from outside.

use burn::train::Interrupter;

/// Whoever watches long work: a terminal, a notebook, or nobody, which is `()`. Every method does
/// nothing unless it is written.
pub trait RunObserver {
    /// A sentence that a user should read.
    fn tell(&self, _sentence: &str) {}

    /// Work on so many images begins; `what` says in a word or two what is done to them.
    fn begin(&self, _what: &str, _images: usize) {}

    /// So many more of them are done.
    fn advance(&self, _images: usize) {}

    /// All of them are done.
    fn finish(&self) {}

    /// Training begins, and ends early when somebody tells the interrupter so.
    fn training_begins(&self, _interrupter: &Interrupter) {}

    /// Whether training shows on stderr how far it is.
    fn shows_progress(&self) -> bool {
        false
    }

    /// Training has ended.
    fn training_ends(&self) {}
}

impl RunObserver for () {}
