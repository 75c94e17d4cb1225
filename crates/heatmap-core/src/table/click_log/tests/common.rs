use super::*;

pub(super) const HEADER: &str =
    "domain,grid_id,click_x,click_y,display_height,display_width,clicks\n";

/// The log of files with these contents.
pub(super) fn read_with(config: &ClickLogConfig, files: &[&[u8]]) -> Result<ClickLog> {
    let folder = tempfile::tempdir().unwrap();
    for (index, file) in files.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index}.csv")), file).unwrap();
    }
    config.read(&[folder.path().to_owned()], &mut |_| ControlFlow::Continue(()))
}

pub(super) fn read(file: &[u8]) -> Result<ClickLog> {
    read_with(&ClickLogConfig::default(), &[file])
}

/// The log of these rows under the usual header.
pub(super) fn text(rows: &str) -> Result<ClickLog> {
    read(format!("{HEADER}{rows}").as_bytes())
}

/// Reasons, rows and clicks of everything that was left out.
pub(super) fn expect_drops(log: &ClickLog, expected: &[(DropReason, u64, u64)]) {
    let found: Vec<_> =
        log.drops().by_reason().iter().map(|d| (d.reason, d.rows, d.clicks)).collect();
    assert_eq!(found, expected);
}
