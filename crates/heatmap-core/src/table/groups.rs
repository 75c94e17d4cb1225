//! [`Groups`]: the bins of many banners, one banner after another, in memory or in a temporary
//! file.
//!
//! For every banner there are its number, the number of its bins, and for every bin its distance to
//! the bin before and its clicks, all as numbers of 7 bits a byte (LEB128): 2 to 4 bytes a bin.
//! Temporary files have no name, so none is left behind whatever happens.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::Mutex;

use crate::{Error, Result};

/// How much of a file is read or written at once.
const BUFFER_BYTES: usize = 1 << 16;

/// Bins and clicks of banners, one banner after another.
pub(super) struct Groups {
    data: Data,
    banners: u64,
}

enum Data {
    Memory(Vec<u8>),
    /// Locked while a reader moves the cursor; every reader keeps an offset of its own.
    File(Mutex<File>),
}

impl Groups {
    /// Number of banners.
    pub(super) fn len(&self) -> u64 {
        self.banners
    }

    /// Returns a reader that starts at the beginning; several readers do not disturb each other.
    pub(super) fn reader(&self) -> GroupReader<'_> {
        GroupReader {
            data: &self.data,
            banners_left: self.banners,
            offset: 0,
            buffer: Vec::new(),
            at: 0,
        }
    }

    /// Whether it lies in a temporary file.
    #[cfg(test)]
    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self.data, Data::File(_))
    }
}

/// A reader of [`Groups`], with its place in them.
pub(super) struct GroupReader<'a> {
    data: &'a Data,
    banners_left: u64,
    /// Offset of what follows the buffer.
    offset: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl GroupReader<'_> {
    /// Reads the number of the next banner, whose bins must be read next.
    ///
    /// # Errors
    /// Returns an error when the temporary file cannot be read.
    pub(super) fn next_banner(&mut self) -> Result<Option<u32>> {
        if self.banners_left == 0 {
            return Ok(None);
        }
        self.banners_left -= 1;
        let banner = self.number()?;
        u32::try_from(banner).map(Some).map_err(|_| damaged())
    }

    /// Appends bins and clicks of the banner that was read last, in the order of bins.
    ///
    /// # Errors
    /// Returns an error when the temporary file cannot be read.
    pub(super) fn bins(&mut self, bins: &mut Vec<(u32, u64)>) -> Result<()> {
        let count = self.number()?;
        let mut bin = 0_u32;
        for _ in 0..count {
            let step = u32::try_from(self.number()?).map_err(|_| damaged())?;
            bin = bin.checked_add(step).ok_or_else(damaged)?;
            bins.push((bin, self.number()?));
        }
        Ok(())
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            if self.at == self.buffer.len() {
                self.refill().map_err(temporary)?;
            }
            let byte = self.buffer[self.at];
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    fn refill(&mut self) -> io::Result<()> {
        self.buffer.resize(BUFFER_BYTES, 0);
        let read = match self.data {
            Data::Memory(bytes) => (&bytes[self.offset as usize..]).read(&mut self.buffer)?,
            Data::File(file) => {
                // A thread that panicked may have left the cursor anywhere, which does not matter:
                // it is set here.
                let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                file.seek(SeekFrom::Start(self.offset))?;
                file.read(&mut self.buffer)?
            }
        };
        self.buffer.truncate(read);
        self.offset += read as u64;
        self.at = 0;
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// Writes [`Groups`].
pub(super) struct GroupWriter {
    out: Out,
    scratch: Vec<u8>,
    banners: u64,
}

enum Out {
    Memory(Vec<u8>),
    File(BufWriter<File>),
}

impl GroupWriter {
    /// Writes into memory.
    pub(super) fn in_memory() -> Self {
        Self { out: Out::Memory(Vec::new()), scratch: Vec::new(), banners: 0 }
    }

    /// Writes into a new temporary file.
    ///
    /// # Errors
    /// Returns an error when the file cannot be made.
    pub(super) fn on_disk() -> Result<Self> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile().map_err(temporary)?);
        Ok(Self { out: Out::File(file), scratch: Vec::new(), banners: 0 })
    }

    /// Writes the bins and clicks of a banner, which are in the order of bins.
    ///
    /// # Errors
    /// Returns an error when the file cannot be written.
    pub(super) fn group(
        &mut self,
        banner: u32,
        bins: impl ExactSizeIterator<Item = (u32, u64)>,
    ) -> Result<()> {
        let bytes = match &mut self.out {
            Out::Memory(bytes) => bytes,
            Out::File(_) => &mut self.scratch,
        };
        put(bytes, banner.into());
        put(bytes, bins.len() as u64);
        let mut before = 0;
        for (bin, count) in bins {
            put(bytes, (bin - before).into());
            put(bytes, count);
            before = bin;
        }
        self.banners += 1;
        if let Out::File(file) = &mut self.out {
            file.write_all(&self.scratch).map_err(temporary)?;
            self.scratch.clear();
        }
        Ok(())
    }

    /// Returns what was written, for reading.
    ///
    /// # Errors
    /// Returns an error when the file cannot be written.
    pub(super) fn finish(self) -> Result<Groups> {
        let data = match self.out {
            Out::Memory(mut bytes) => {
                bytes.shrink_to_fit();
                Data::Memory(bytes)
            }
            Out::File(file) => Data::File(Mutex::new(
                file.into_inner().map_err(|error| temporary(error.into_error()))?,
            )),
        };
        Ok(Groups { data, banners: self.banners })
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// An error of a temporary file, which has no name of its own.
fn temporary(source: io::Error) -> Error {
    Error::Io { path: std::env::temp_dir(), source }
}

fn damaged() -> Error {
    temporary(io::Error::new(io::ErrorKind::InvalidData, "a temporary file was changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size_come_back() {
        let numbers: Vec<_> =
            (0..64).flat_map(|bit| [1_u64 << bit, (1_u64 << bit) - 1]).chain([u64::MAX]).collect();
        let mut bytes = Vec::new();
        numbers.iter().for_each(|&number| put(&mut bytes, number));
        let groups = Groups { data: Data::Memory(bytes), banners: 1 };
        let mut reader = groups.reader();
        assert!(numbers.iter().all(|&number| reader.number().unwrap() == number));
        assert!(reader.number().unwrap_err().to_string().contains("end of file"));
    }
}
