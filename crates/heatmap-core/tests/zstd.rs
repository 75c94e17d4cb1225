//! Tables of text that were compressed with zstd.
#![cfg(feature = "zstd")]
#![allow(clippy::unwrap_used, reason = "in tests and what they share")]

use std::ops::ControlFlow;
use std::path::Path;

use heatmap_core::Result;
use heatmap_core::table::{ClickLog, ClickLogConfig};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const TABLE: &str = "domain,grid_id,click_x,click_y,display_height,display_width,clicks\n\
    a.com,top,10,20,100,320,7\na.com,top,11,20,100,320,5\n";

fn read(path: &Path) -> Result<ClickLog> {
    ClickLogConfig::default().read(&[path.to_owned()], &mut |_| ControlFlow::Continue(()))
}

#[test]
fn a_compressed_table_is_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.csv.zst");
    let packed = compress_to_vec(TABLE.as_bytes(), CompressionLevel::Fastest);
    std::fs::write(&path, &packed).unwrap();
    let log = read(&path).unwrap();
    assert_eq!((log.rows(), log.clicks()), (2, 12));
    assert!(log.assumptions().iter().any(|assumed| assumed.to_string().contains("zstd")));
    // A file that was cut short is no shorter table.
    std::fs::write(&path, &packed[..packed.len() - 3]).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("clicks.csv.zst"), "{error}");
}
