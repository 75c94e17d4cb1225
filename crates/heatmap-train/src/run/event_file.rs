//! [`EventFile`]: writes scalars in TensorBoard's event-file format, which other programs read too.
//!
//! Only the part of the format that scalars need is implemented: records in TensorFlow's framing
//! (length, payload, and a masked CRC-32C of each) with a protobuf message `Event` as payload
//! (`event.proto` and `summary.proto` of TensorBoard).
//!
//! A run that is resumed from a checkpoint repeats steps that an earlier file already contains.
//! TensorBoard, which reads the files of a folder in the order of their names, then discards the
//! values of a tag from the repeated step on. Its slower reader in Python, and programs that use
//! that reader, discard everything from the step of a `SessionLog.START` on, except that some
//! ignore the first one that they read. Therefore every file begins with a `SessionLog.START`, also
//! that of a new run, and the name of a new file comes after all existing names.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Error, Result};

const PREFIX: &str = "events.out.tfevents.";

/// A file of scalars that one program writes.
pub(super) struct EventFile {
    file: File,
}

impl EventFile {
    /// Creates a new file in `folder` for a run that continues after `step`. Its readers discard
    /// what earlier files contain of later steps.
    ///
    /// # Errors
    /// Returns an error when the folder or the file cannot be created or written.
    pub(super) fn create(folder: &Path, step: usize) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let path = folder.join(next_name(folder)?);
        let file = File::create_new(&path).map_err(Error::io(&path))?;
        let mut events = Self { file };
        let seconds = unix_seconds();
        events
            .append(&version(seconds))
            .and_then(|()| events.append(&session_start(seconds, step + 1)))
            .map_err(Error::io(&path))?;
        Ok(events)
    }

    /// Writes `values`, pairs of tag and value, as one event. After an error, write no more:
    /// nothing after a partial record can be read.
    ///
    /// # Errors
    /// Returns an error when the file cannot be written.
    pub(super) fn write(
        &mut self,
        step: usize,
        values: impl IntoIterator<Item = (String, f64)>,
    ) -> io::Result<()> {
        self.append(&scalars(unix_seconds(), step, values))
    }

    fn append(&mut self, event: &Message) -> io::Result<()> {
        self.file.write_all(&record(&event.0))?;
        self.file.flush()
    }
}

/// Returns a file name that contains the time and comes after all names in the folder, even if the
/// clock was set back.
fn next_name(folder: &Path) -> Result<String> {
    let mut seconds = unix_seconds() as u64;
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let name = entry.map_err(Error::io(folder))?.file_name();
        let name = name.to_string_lossy();
        let taken =
            name.strip_prefix(PREFIX).and_then(|rest| rest.split('.').next()?.parse::<u64>().ok());
        if let Some(taken) = taken {
            seconds = seconds.max(taken.saturating_add(1));
        }
    }
    Ok(format!("{PREFIX}{seconds:010}.{}", std::process::id()))
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Returns the event with which every file begins.
fn version(seconds: f64) -> Message {
    Message::default().double(1, seconds).bytes(3, b"brain.Event:2")
}

/// Returns the event that tells readers to discard everything read so far from `step` on.
fn session_start(seconds: f64, step: usize) -> Message {
    let session_log = Message::default().integer(1, 1);
    Message::default().double(1, seconds).integer(2, step as u64).bytes(7, &session_log.0)
}

fn scalars(seconds: f64, step: usize, values: impl IntoIterator<Item = (String, f64)>) -> Message {
    let summary = values.into_iter().fold(Message::default(), |summary, (tag, value)| {
        summary.bytes(1, &Message::default().bytes(1, tag.as_bytes()).float(2, value as f32).0)
    });
    Message::default().double(1, seconds).integer(2, step as u64).bytes(5, &summary.0)
}

/// A protobuf message, to which fields are appended by number.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn integer(self, field: u64, value: u64) -> Self {
        self.key(field, 0).varint(value)
    }

    fn double(self, field: u64, value: f64) -> Self {
        self.key(field, 1).raw(&value.to_le_bytes())
    }

    /// Appends a string or an embedded message.
    fn bytes(self, field: u64, content: &[u8]) -> Self {
        self.key(field, 2).varint(content.len() as u64).raw(content)
    }

    fn float(self, field: u64, value: f32) -> Self {
        self.key(field, 5).raw(&value.to_le_bytes())
    }

    fn key(self, field: u64, wire_type: u64) -> Self {
        self.varint((field << 3) | wire_type)
    }

    /// Appends an integer with seven bits per byte, the lowest first; all bytes but the last have
    /// the highest bit set.
    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// Returns a record: the payload with its length and checksums.
fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let (length_crc, payload_crc) =
        (masked_crc32c(&length).to_le_bytes(), masked_crc32c(payload).to_le_bytes());
    [&length[..], &length_crc, payload, &payload_crc].concat()
}

/// Returns the CRC-32C, masked as in TensorFlow because the plain CRC of data that contain CRCs
/// detects little.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Returns the CRC with Castagnoli's polynomial, which is not the one of `crc32fast`.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ CRC32C[usize::from(crc as u8 ^ byte)])
}

/// The CRC-32C remainder of each byte.
static CRC32C: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests;
