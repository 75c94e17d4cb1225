//! [`Bounded`]: a reader that cannot be read too far ahead, for rows of bounded length.

use std::cell::Cell;
use std::io::{self, Read};

/// A file that cannot be read too far ahead of the row in question.
pub(super) struct Bounded {
    file: Box<dyn Read>,
    /// Number of bytes that were read so far.
    pub(super) bytes_read: u64,
    /// The last byte that was read.
    pub(super) last: u8,
    /// Offset in bytes beyond which no read may begin.
    pub(super) limit: Cell<u64>,
    /// Whether lines end in CR, which is then handed on as LF.
    cr_alone: bool,
}

impl Bounded {
    pub(super) fn new(file: Box<dyn Read>, cr_alone: bool) -> Self {
        Self { file, bytes_read: 0, last: b'\n', limit: Cell::new(0), cr_alone }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("row too long")]
struct TooLong;

/// Whether reading ended because of the limit.
pub(super) fn is_too_long(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<TooLong>())
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes_read > self.limit.get() {
            return Err(io::Error::other(TooLong));
        }
        let read = self.file.read(buffer)?;
        if self.cr_alone {
            buffer[..read].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        self.bytes_read += read as u64;
        if let Some(&last) = buffer[..read].last() {
            self.last = last;
        }
        Ok(read)
    }
}

/// Returns whether lines end in CR in the text at the beginning of a file, which is all of it if
/// `whole`; CR is then made LF.
pub(super) fn hand_on_cr_as_lf(start: &mut [u8], whole: bool) -> bool {
    // A CR at the very end may be half of a CRLF.
    let inner = &start[..start.len() - usize::from(!whole && !start.is_empty())];
    let cr_alone = inner.contains(&b'\r') && !start.contains(&b'\n');
    if cr_alone {
        start.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
    }
    cr_alone
}
