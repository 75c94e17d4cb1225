//! [`RowFile`]: writes tables a few rows at a time to a file that appears only when it is complete.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use heatmap_core::UnfinishedFile;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use crate::Result;

/// A file being written that holds one or more f32 tables with a known number of rows.
#[derive(Debug)]
pub struct RowFile {
    file: UnfinishedFile,
    tables: Vec<Table>,
}

#[derive(Debug)]
struct Table {
    /// Byte offset of the next row.
    at: u64,
    end: u64,
}

impl RowFile {
    /// Creates a `.npy` file (NumPy's format, version 1.0) with one table.
    ///
    /// # Errors
    /// Returns an error when the folder cannot be written to.
    pub fn npy(path: &Path, shape: &[usize]) -> Result<Self> {
        let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
        // In Python, a tuple of one element needs a trailing comma.
        let tuple = if let [side] = &sides[..] {
            format!("({side},)")
        } else {
            format!("({})", sides.join(", "))
        };
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple}, }}");
        // Magic string, version and header length take ten bytes. The header ends in a line break,
        // padded so that the values start at a multiple of 64 bytes.
        let padded = (header.len() + 11).next_multiple_of(64) - 11;
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(padded + 1).expect("a short header").to_le_bytes());
        bytes.extend(format!("{header:<padded$}\n").bytes());
        Self::create(path, &bytes, &[shape.to_vec()])
    }

    /// Creates a `.safetensors` file with several named tables.
    ///
    /// # Errors
    /// Returns an error when the folder cannot be written to.
    pub fn safetensors(path: &Path, tables: &[(String, Vec<usize>)]) -> Result<Self> {
        let mut at = 0;
        let info = |(name, shape): &(String, Vec<usize>)| {
            let start = at;
            at += 4 * shape.iter().product::<usize>();
            (
                name.clone(),
                TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, at) },
            )
        };
        let metadata = Metadata::new(None, tables.iter().map(info).collect())
            .expect("tables behind one another");
        let mut header = serde_json::to_string(&metadata).expect("names and numbers");
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        let shapes: Vec<Vec<usize>> = tables.iter().map(|(_, shape)| shape.clone()).collect();
        Self::create(path, &bytes, &shapes)
    }

    fn create(path: &Path, header: &[u8], shapes: &[Vec<usize>]) -> Result<Self> {
        let mut end = header.len() as u64;
        let tables = shapes.iter().map(|shape| {
            let at = end;
            end += 4 * shape.iter().map(|side| *side as u64).product::<u64>();
            Table { at, end }
        });
        let tables = tables.collect();
        let mut file = UnfinishedFile::create(path)?;
        file.write(|out| out.write_all(header))?;
        Ok(Self { file, tables })
    }

    /// Writes the next rows of table number `table`.
    ///
    /// # Errors
    /// Returns an error when the disk is full, or when another operating-system error occurs.
    ///
    /// # Panics
    /// Panics when there is no such table, or when it has no room for the rows.
    pub fn append(&mut self, table: usize, values: &[f32]) -> Result<()> {
        let table = &mut self.tables[table];
        let start = table.at;
        table.at += 4 * values.len() as u64;
        assert!(table.at <= table.end, "more rows than announced");
        Ok(self.file.write(|out| {
            out.seek(SeekFrom::Start(start))?;
            values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
        })?)
    }

    /// Completes the file and makes it appear under its name.
    ///
    /// # Errors
    /// Returns an error when the operating system cannot do so.
    ///
    /// # Panics
    /// Panics when rows are missing.
    pub fn finish(self) -> Result<()> {
        assert!(self.tables.iter().all(|table| table.at == table.end), "fewer rows than announced");
        Ok(self.file.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_models::TensorFile;

    #[test]
    fn rows_come_back_from_safetensors_in_any_order_of_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.safetensors");
        let tables = [("a".to_owned(), vec![3, 2]), ("b".to_owned(), vec![3, 1, 1])];
        let mut file = RowFile::safetensors(&path, &tables).unwrap();
        file.append(0, &[1.0, 2.0]).unwrap();
        file.append(1, &[7.0]).unwrap();
        file.append(0, &[3.0, 4.0, 5.0, 6.0]).unwrap();
        assert!(!path.exists());
        file.append(1, &[8.0, 9.0]).unwrap();
        file.finish().unwrap();
        let read = TensorFile::open(&path).unwrap();
        assert_eq!((read.shape("a"), read.shape("b")), (Some(&[3, 2][..]), Some(&[3, 1, 1][..])));
        assert_eq!(read.read("a").unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(read.read_rows("b", 1..3).unwrap(), [8.0, 9.0]);
    }

    #[test]
    fn npy_is_what_numpy_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.npy");
        let mut file = RowFile::npy(&path, &[2, 1]).unwrap();
        file.append(0, &[1.0, -2.0]).unwrap();
        file.finish().unwrap();
        // numpy 2.4: np.save("features.npy", np.array([[1], [-2]], dtype="<f4")).
        let header =
            format!("{:<117}\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }");
        let expected =
            [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), &[0, 0, 128, 63, 0, 0, 0, 192]]
                .concat();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = RowFile::npy(&folder.path().join("features.npy"), &[2, 1]).unwrap();
        file.append(0, &[1.0]).unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let error =
            RowFile::npy(Path::new("/no/such/folder/x.npy"), &[2, 1]).unwrap_err().to_string();
        assert!(error.starts_with("/no/such/folder/x.npy: "), "{error}");
    }
}
