//! [`EventFile`]: scalars in TensorBoard's event-file format, which TensorBoard and others read.
//!
//! Of the format only what scalars need is here: records as TensorFlow frames them (length, payload, a masked CRC-32C
//! of each) with a protobuf message `Event` as payload (`event.proto` and `summary.proto` of TensorBoard).
//!
//! A run that goes on after a checkpoint repeats steps that an earlier file has. TensorBoard, which reads the files of
//! a folder in the order of their names, then forgets what it has of a tag from the repeated step on. Its slower reader
//! in Python, and programs that use that one, forget everything from the step of a `SessionLog.START` on, except that
//! some ignore the first one they see. So every file begins with one, that of a new run too, and a file's name comes
//! after all that are there.

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
    /// Makes a new file in `folder` for a run that goes on after `step`; whoever reads it forgets what earlier files
    /// have of later steps.
    ///
    /// # Errors
    /// When folder or file cannot be made or written.
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

    /// Writes `values`, with their tags, as one event. After an error write no more: what follows half a record
    /// cannot be read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&mut self, step: usize, values: impl IntoIterator<Item = (String, f64)>) -> io::Result<()> {
        self.append(&scalars(unix_seconds(), step, values))
    }

    fn append(&mut self, event: &Message) -> io::Result<()> {
        self.file.write_all(&record(&event.0))?;
        self.file.flush()
    }
}

/// A name with the time in it that comes after all in the folder, whatever the clock did.
fn next_name(folder: &Path) -> Result<String> {
    let mut seconds = unix_seconds() as u64;
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let name = entry.map_err(Error::io(folder))?.file_name();
        let name = name.to_string_lossy();
        let taken = name.strip_prefix(PREFIX).and_then(|rest| rest.split('.').next()?.parse::<u64>().ok());
        if let Some(taken) = taken {
            seconds = seconds.max(taken.saturating_add(1));
        }
    }
    Ok(format!("{PREFIX}{seconds:010}.{}", std::process::id()))
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The event that every file begins with.
fn version(seconds: f64) -> Message {
    Message::default().double(1, seconds).bytes(3, b"brain.Event:2")
}

/// From `step` on, all that was read so far is out of date.
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

/// A protobuf message; each method adds a field by its number.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn integer(self, field: u64, value: u64) -> Self {
        self.key(field, 0).varint(value)
    }

    fn double(self, field: u64, value: f64) -> Self {
        self.key(field, 1).raw(&value.to_le_bytes())
    }

    /// A string, or a message in this one.
    fn bytes(self, field: u64, content: &[u8]) -> Self {
        self.key(field, 2).varint(content.len() as u64).raw(content)
    }

    fn float(self, field: u64, value: f32) -> Self {
        self.key(field, 5).raw(&value.to_le_bytes())
    }

    fn key(self, field: u64, wire_type: u64) -> Self {
        self.varint((field << 3) | wire_type)
    }

    /// Seven bits a byte, the lowest first; all bytes but the last have the highest bit set.
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

/// The payload in its frame.
fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let (length_crc, payload_crc) = (masked_crc32c(&length).to_le_bytes(), masked_crc32c(payload).to_le_bytes());
    [&length[..], &length_crc, payload, &payload_crc].concat()
}

/// Masked, because the checksum of data with checksums in them says little.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC with the polynomial of Castagnoli, which is not that of `crc32fast`.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ CRC32C[usize::from(crc as u8 ^ byte)])
}

/// The remainder of each byte.
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
mod tests {
    use std::path::PathBuf;

    use super::*;

    impl EventFile {
        /// One that cannot be written, for the tests of those who write.
        pub(in crate::run) fn unwritable(path: &Path) -> Self {
            fs::write(path, "").unwrap();
            Self { file: File::open(path).unwrap() }
        }
    }

    /// An event as the reader of this test sees it.
    #[derive(Debug, Default, PartialEq)]
    struct Event {
        step: u64,
        version: String,
        session_status: u64,
        values: Vec<(String, f32)>,
    }

    fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
        bytes.split_off(..length).unwrap()
    }

    /// Bit by bit.
    fn slow_crc32c(bytes: &[u8]) -> u32 {
        let polynomial = 0x1edc_6f41_u32.reverse_bits();
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| u32::from((byte >> bit) & 1)));
        !bits.fold(!0, |crc: u32, bit| if (crc ^ bit) & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 })
    }

    fn check(masked: &[u8], bytes: &[u8]) {
        let masked = u32::from_le_bytes(masked.try_into().unwrap());
        assert_eq!(masked.wrapping_sub(0xa282_ead8).rotate_left(15), slow_crc32c(bytes));
    }

    fn varint(bytes: &mut &[u8]) -> u64 {
        let byte = u64::from(take(bytes, 1)[0]);
        if byte < 0x80 { byte } else { (byte - 0x80) + (varint(bytes) << 7) }
    }

    /// Number, integer and bytes of each field.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let (integer, length) = match key % 8 {
                0 => (varint(&mut bytes), 0),
                1 => (0, 8),
                2 => (0, varint(&mut bytes) as usize),
                5 => (0, 4),
                other => panic!("wire type {other}"),
            };
            fields.push((key / 8, integer, take(&mut bytes, length)));
        }
        fields
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn event(payload: &[u8]) -> Event {
        let mut event = Event::default();
        for (field, integer, bytes) in fields(payload) {
            match field {
                1 => assert!(f64::from_le_bytes(bytes.try_into().unwrap()) > 1.7e9),
                2 => event.step = integer,
                3 => event.version = text(bytes),
                5 => event.values = fields(bytes).into_iter().map(|(_, _, value)| scalar(value)).collect(),
                7 => event.session_status = fields(bytes)[0].1,
                other => panic!("field {other}"),
            }
        }
        event
    }

    fn scalar(value: &[u8]) -> (String, f32) {
        let fields = fields(value);
        assert_eq!((fields[0].0, fields[1].0), (1, 2));
        (text(fields[0].2), f32::from_le_bytes(fields[1].2.try_into().unwrap()))
    }

    fn read(path: &Path) -> Vec<Event> {
        let content = fs::read(path).unwrap();
        let mut rest = &content[..];
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = take(&mut rest, 8);
            check(take(&mut rest, 4), length);
            let payload = take(&mut rest, u64::from_le_bytes(length.try_into().unwrap()) as usize);
            check(take(&mut rest, 4), payload);
            events.push(event(payload));
        }
        events
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn the_checksum_has_its_check_value() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(slow_crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    /// Written by `RecordWriter` of tensorboard 2.21.0 from the same `Event`s.
    #[test]
    fn records_are_those_of_tensorboard() {
        let expected = b"\x18\0\0\0\0\0\0\0\xa3\x7fK\"\t\0\0\0\0\0\0\xf8?\x1a\rbrain.Event:2*(dl";
        assert_eq!(record(&version(1.5).0), expected);
        let expected = b"\x10\0\0\0\0\0\0\0\x95\xfb\xfe\x18\t\0\0\0\0\0\0\xf8?\x10\xad\x02:\x02\x08\x01\xd1yI\xd4";
        assert_eq!(record(&session_start(1.5, 301).0), expected);
        let expected =
            b" \0\0\0\0\0\0\0)\xed\xa9P\t\0\0\0\0\0\0\xf8?\x10\x03*\x13\n\x11\n\ntrain/loss\x15\0\0\x80>C0\x1b\x92";
        assert_eq!(record(&scalars(1.5, 3, [("train/loss".to_owned(), 0.25)]).0), expected);
    }

    #[test]
    fn what_was_written_is_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("events");
        let mut events = EventFile::create(&folder, 0).unwrap();
        let long = "x".repeat(300);
        events.write(1, [("train/loss".to_owned(), 2.5), (long.clone(), -0.1)]).unwrap();
        events.write(70_000, [("valid/loss".to_owned(), f64::INFINITY)]).unwrap();
        let expected = [
            Event { version: "brain.Event:2".into(), ..Event::default() },
            Event { step: 1, session_status: 1, ..Event::default() },
            Event { step: 1, values: vec![("train/loss".into(), 2.5), (long, -0.1)], ..Event::default() },
            Event { step: 70_000, values: vec![("valid/loss".into(), f32::INFINITY)], ..Event::default() },
        ];
        assert_eq!(read(&files(&folder)[0]), expected);
    }

    #[test]
    fn a_run_that_goes_on_adds_a_file_that_is_read_last() {
        let root = tempfile::tempdir().unwrap();
        // From a clock that was ahead.
        fs::write(root.path().join("events.out.tfevents.4000000000.7"), "").unwrap();
        for step in [0, 100, 300] {
            EventFile::create(root.path(), step).unwrap();
        }
        let files = files(root.path());
        let starts: Vec<u64> = files[1..].iter().map(|file| read(file)[1].step).collect();
        assert_eq!(starts, [1, 101, 301]);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("events");
        assert!(EventFile::unwritable(&path).write(1, [("train/loss".to_owned(), 0.5)]).is_err());
        let error = EventFile::create(&path, 0).err().expect("an error").to_string();
        assert!(error.contains("events: "), "{error}");
    }
}
