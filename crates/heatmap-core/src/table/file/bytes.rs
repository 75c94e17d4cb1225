//! [`Opened`]: the bytes of a file or of standard input, unpacked and as UTF-8.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Chain, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use encoding_rs_io::DecodeReaderBytesBuilder;

use crate::{Error, Result};

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// An open file.
pub(super) enum Opened {
    /// A file whose first bytes are those of Parquet.
    Parquet(File),
    /// Text.
    Text(Text),
}

/// An open file of text.
pub(super) struct Text {
    /// Its text, in UTF-8 unless it is in no encoding that is known.
    pub(super) input: Box<dyn Read>,
    /// Number of bytes of the file, as it is stored, that were read so far.
    pub(super) bytes_read: Rc<Cell<u64>>,
    /// How it is stored, if not as UTF-8: `gzip`, `UTF-16`.
    pub(super) stored: Vec<&'static str>,
}

impl Opened {
    /// Opens the file at `path`; `-` is standard input.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, or is of a format that is not read.
    pub(super) fn new(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let refused = |what: &str| Error::Data(format!("{}: {what}", path.display()));
        if path.as_os_str() == STANDARD_INPUT {
            return Text::new(Box::new(io::stdin()), path).map(Self::Text);
        }
        let file = File::open(path).map_err(io)?;
        let is_file = file.metadata().map_err(io)?.is_file();
        let mut start = Vec::new();
        (&file).take(4).read_to_end(&mut start).map_err(io)?;
        if start == *b"PAR1" {
            return match is_file {
                true => Ok(Self::Parquet(file)),
                false => Err(refused(PARQUET_IN_A_PIPE)),
            };
        }
        Text::new(Box::new(Cursor::new(start).chain(file)), path).map(Self::Text)
    }
}

const PARQUET_IN_A_PIPE: &str = "Parquet, whose end has to be read first, from a pipe; name a file";

impl Text {
    fn new(input: Box<dyn Read>, path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let refused = |what: &str| Err(Error::Data(format!("{}: {what}", path.display())));
        let bytes_read = Rc::new(Cell::new(0));
        let counted = Counted { input, bytes_read: Rc::clone(&bytes_read) };
        let (mut start, input) = peek(counted).map_err(io)?;
        let mut input: Box<dyn Read> = Box::new(input);
        let mut stored = Vec::new();
        match &start[..] {
            [] => return refused("the file is empty"),
            [0x1f, 0x8b, ..] => {
                input = Box::new(flate2::read::MultiGzDecoder::new(input));
                stored.push("gzip");
            }
            [0x28, 0xb5, 0x2f, 0xfd] => {
                input = unpacked_zstd(input, path)?;
                stored.push("zstd");
            }
            b"PAR1" => return refused(PARQUET_IN_A_PIPE),
            [b'P', b'K', 3, 4] => {
                return refused(
                    "a zip archive or an Excel workbook; save the sheet as CSV (UTF-8)",
                );
            }
            [0xd0, 0xcf, 0x11, 0xe0] => {
                return refused("an old Excel workbook; save the sheet as CSV (UTF-8)");
            }
            _ => {}
        }
        if !stored.is_empty() {
            let unpacked;
            (start, unpacked) = peek(input).map_err(io)?;
            match &start[..] {
                [] => return refused("the file is empty"),
                b"PAR1" => return refused("a Parquet file that was compressed; unpack it first"),
                _ => {}
            }
            input = Box::new(unpacked);
        }
        if let Some(encoding) = utf16(&start) {
            // The decoder looks at a byte order mark itself.
            let decoder = DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(input);
            input = Box::new(decoder);
            stored.push("UTF-16");
        }
        Ok(Self { input, bytes_read, stored })
    }
}

/// Returns the UTF-16 encoding of a text: that of its byte order mark, or the one in which its
/// first character is ASCII, as that of a header is.
fn utf16(start: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    match start {
        [0xff, 0xfe, ..] => Some(encoding_rs::UTF_16LE),
        [0xfe, 0xff, ..] => Some(encoding_rs::UTF_16BE),
        &[a, 0, b, 0] if a > 0 && b > 0 => Some(encoding_rs::UTF_16LE),
        &[0, a, 0, b] if a > 0 && b > 0 => Some(encoding_rs::UTF_16BE),
        _ => None,
    }
}

#[cfg(feature = "zstd")]
fn unpacked_zstd(input: Box<dyn Read>, path: &Path) -> Result<Box<dyn Read>> {
    let broken = |error: &dyn std::fmt::Display| {
        Error::Data(format!("{}: no complete zstd file: {error}", path.display()))
    };
    let decoder = ruzstd::decoding::StreamingDecoder::new(input);
    Ok(Box::new(decoder.map_err(|error| broken(&error))?))
}

#[cfg(not(feature = "zstd"))]
fn unpacked_zstd(_: Box<dyn Read>, path: &Path) -> Result<Box<dyn Read>> {
    Err(Error::Data(format!(
        "{}: compressed with zstd; build with `--features zstd` to read it, or unpack it first",
        path.display()
    )))
}

/// The first four bytes, and a reader of all of them.
type Peeked<R> = (Vec<u8>, Chain<Cursor<Vec<u8>>, R>);

/// Reads the first four bytes and puts them in front of the rest, for a pipe cannot be rewound.
fn peek<R: Read>(mut input: R) -> io::Result<Peeked<R>> {
    let mut start = Vec::new();
    input.by_ref().take(4).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(input)))
}

/// A reader that counts.
struct Counted<R> {
    input: R,
    bytes_read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes_read.set(self.bytes_read.get() + read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn text(bytes: &[u8]) -> Result<(String, Vec<&'static str>, u64)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let Opened::Text(mut text) = Opened::new(file.path())? else { panic!("Parquet") };
        let mut read = String::new();
        text.input
            .read_to_string(&mut read)
            .map_err(|source| Error::Io { path: file.path().to_owned(), source })?;
        Ok((read, text.stored, text.bytes_read.get()))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    fn utf16_bytes(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn compression_and_encoding_are_seen_and_undone() {
        let content = "domain,żółw\na,😀\n";
        let le = utf16_bytes(content, u16::to_le_bytes);
        let be = utf16_bytes(content, u16::to_be_bytes);
        let with_mark = |text: &str, bytes| utf16_bytes(&format!("\u{feff}{text}"), bytes);
        let cases: [(Vec<u8>, &[&str]); 7] = [
            (content.into(), &[]),
            (gzip(content.as_bytes()), &["gzip"]),
            // Parts that were packed one by one and put together.
            ([gzip(b"domain,"), gzip(&content.as_bytes()[7..])].concat(), &["gzip"]),
            (le, &["UTF-16"]),
            (be, &["UTF-16"]),
            (with_mark(content, u16::to_be_bytes), &["UTF-16"]),
            (gzip(&with_mark(content, u16::to_le_bytes)), &["gzip", "UTF-16"]),
        ];
        for (bytes, expected) in cases {
            let (read, stored, bytes_read) = text(&bytes).unwrap();
            assert_eq!((read.as_str(), &stored[..]), (content, expected));
            assert_eq!(bytes_read, bytes.len() as u64);
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        let says = |bytes: &[u8], message: &str| {
            let error = text(bytes).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        says(b"", "the file is empty");
        says(&gzip(b""), "the file is empty");
        says(&gzip(b"PAR1..."), "Parquet file that was compressed");
        says(b"PK\x03\x04....", "Excel workbook; save the sheet as CSV");
        #[cfg(not(feature = "zstd"))]
        says(b"\x28\xb5\x2f\xfd....", "--features zstd");
        // A file that was cut short is no shorter file.
        let packed = gzip(&b"a,b\n1,2\n".repeat(100));
        assert!(text(&packed[..packed.len() - 9]).is_err());
    }
}
