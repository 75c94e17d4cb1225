//! Tests of event files, byte by byte.

use std::path::PathBuf;

use super::*;

impl EventFile {
    /// Creates an event file that cannot be written, for tests of the modules that use event files.
    pub(in crate::run) fn unwritable(path: &Path) -> Self {
        fs::write(path, "").unwrap();
        Self { file: File::open(path).unwrap() }
    }
}

/// An event as the reader in these tests parses it.
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

/// Computes the checksum bit by bit.
fn slow_crc32c(bytes: &[u8]) -> u32 {
    let polynomial = 0x1edc_6f41_u32.reverse_bits();
    let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| u32::from((byte >> bit) & 1)));
    !bits.fold(
        !0,
        |crc: u32, bit| if (crc ^ bit) & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 },
    )
}

fn check(masked: &[u8], bytes: &[u8]) {
    let masked = u32::from_le_bytes(masked.try_into().unwrap());
    assert_eq!(masked.wrapping_sub(0xa282_ead8).rotate_left(15), slow_crc32c(bytes));
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let byte = u64::from(take(bytes, 1)[0]);
    if byte < 0x80 { byte } else { (byte - 0x80) + (varint(bytes) << 7) }
}

/// Returns the number, the integer and the bytes of each field.
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
            5 => {
                event.values =
                    fields(bytes).into_iter().map(|(_, _, value)| scalar(value)).collect()
            }
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
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_checksum_has_its_check_value() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(slow_crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(b""), 0);
}

/// The expected bytes were written by `RecordWriter` of tensorboard 2.21.0 from the same `Event`s.
#[test]
fn records_are_those_of_tensorboard() {
    let expected = b"\x18\0\0\0\0\0\0\0\xa3\x7fK\"\t\0\0\0\0\0\0\xf8?\x1a\rbrain.Event:2*(dl";
    assert_eq!(record(&version(1.5).0), expected);
    let expected =
        b"\x10\0\0\0\0\0\0\0\x95\xfb\xfe\x18\t\0\0\0\0\0\0\xf8?\x10\xad\x02:\x02\x08\x01\xd1yI\xd4";
    assert_eq!(record(&session_start(1.5, 301).0), expected);
    let expected = b" \0\0\0\0\0\0\0)\xed\xa9P\t\0\0\0\0\0\0\xf8?\x10\x03*\x13\n\x11\n\ntrain/loss\
        \x15\0\0\x80>C0\x1b\x92";
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
        Event {
            step: 1,
            values: vec![("train/loss".into(), 2.5), (long, -0.1)],
            ..Event::default()
        },
        Event {
            step: 70_000,
            values: vec![("valid/loss".into(), f32::INFINITY)],
            ..Event::default()
        },
    ];
    assert_eq!(read(&files(&folder)[0]), expected);
}

#[test]
fn a_run_that_goes_on_adds_a_file_that_is_read_last() {
    let root = tempfile::tempdir().unwrap();
    // A file from when the clock was ahead.
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
