//! [`Terminal`]: who watches long work from a terminal: a bar, sentences, and Ctrl-C.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heatmap_models::burn::train::Interrupter;
use heatmap_train::run::RunObserver;
use indicatif::ProgressBar;

use crate::{image_bar, say};

/// A bar for the work that is done, sentences for the user, and Ctrl-C: while a run trains, the
/// first ends it after its batch and the second ends the program; at any other time the program
/// ends at once, for what comes then writes each file whole or not at all.
#[derive(Default)]
pub struct Terminal {
    bar: RefCell<Option<ProgressBar>>,
    /// Tenths that were said, where there is no terminal to draw a bar on.
    tenths: Cell<u64>,
    training: Arc<Mutex<Option<Interrupter>>>,
}

impl Terminal {
    /// Takes care of Ctrl-C from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn handle_ctrl_c() -> Result<Self, ctrlc::Error> {
        let this = Self::default();
        let training = this.training.clone();
        ctrlc::set_handler(move || match &*lock(&training) {
            Some(interrupter) if !interrupter.should_stop() => interrupter.stop(Some("Ctrl-C")),
            _ => std::process::exit(130),
        })?;
        Ok(this)
    }
}

fn lock(training: &Mutex<Option<Interrupter>>) -> MutexGuard<'_, Option<Interrupter>> {
    training.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RunObserver for Terminal {
    fn tell(&self, sentence: &str) {
        say(sentence);
    }

    fn begin(&self, what: &str, images: usize) {
        *self.bar.borrow_mut() = Some(image_bar(images, what.to_owned()));
        self.tenths.set(0);
    }

    fn advance(&self, images: usize) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.inc(images as u64);
            let (done, of) = (bar.position(), bar.length().unwrap_or(1).max(1));
            let tenths = 10 * done / of;
            // Hundreds of images are worth a line now and then, fewer are not.
            if bar.is_hidden() && of >= 200 && tenths > self.tenths.replace(tenths) {
                let (what, seconds) = (bar.message(), bar.eta().as_secs());
                say(&format!("{what}: {done}/{of} images, {seconds} seconds left"));
            }
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }

    fn training_begins(&self, interrupter: &Interrupter) {
        *lock(&self.training) = Some(interrupter.clone());
    }

    fn shows_progress(&self) -> bool {
        true
    }

    fn training_ends(&self) {
        *lock(&self.training) = None;
    }
}
