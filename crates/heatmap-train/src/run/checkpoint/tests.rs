//! Tests of checkpoints that are complete, truncated, damaged or unfinished.

use super::*;

/// Writes a checkpoint of three small parts.
fn write(checkpoints: &Checkpoints, step: usize) {
    for (at, checkpointer) in checkpoints.checkpointers(None).iter().enumerate() {
        checkpointer.write(step, &vec![at as u8; 100 + at]).unwrap();
    }
}

fn in_folder() -> (tempfile::TempDir, Checkpoints) {
    let root = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(root.path().join("checkpoints"));
    checkpoints.prepare(0).unwrap();
    (root, checkpoints)
}

#[test]
fn the_newest_complete_one_is_found_and_old_ones_go() {
    let (_root, checkpoints) = in_folder();
    [100, 200, 1_000_000].into_iter().for_each(|step| write(&checkpoints, step));
    let (newest, broken) = checkpoints.newest_complete().unwrap();
    assert_eq!((newest.step, broken.len()), (1_000_000, 0));
    let steps: Vec<usize> =
        checkpoints.folders().unwrap().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [200, 1_000_000]);
}

#[test]
fn until_the_last_part_is_there_nothing_is_seen() {
    let (_root, checkpoints) = in_folder();
    write(&checkpoints, 100);
    let [model, optimizer, _] = checkpoints.checkpointers(None);
    model.write(200, b"new").unwrap();
    optimizer.write(200, b"new").unwrap();
    assert_eq!(checkpoints.newest_complete().unwrap().0.step, 100);
    // The next run removes the unfinished checkpoint.
    checkpoints.prepare(100).unwrap();
    assert_eq!(fs::read_dir(&checkpoints.folder).unwrap().count(), 1);
}

#[test]
fn going_back_discards_what_came_later() {
    let (_root, checkpoints) = in_folder();
    [100, 200].into_iter().for_each(|step| write(&checkpoints, step));
    assert_eq!(checkpoints.at_step(100).unwrap().step, 100);
    assert!(
        checkpoints.at_step(150).unwrap_err().to_string().contains("step-000150/manifest.json: ")
    );
    checkpoints.prepare(100).unwrap();
    assert_eq!(checkpoints.newest_complete().unwrap().0.step, 100);
}

#[test]
fn a_truncated_or_changed_file_is_named_and_the_one_before_is_taken() {
    for damage in ["truncate", "change", "remove"] {
        let (_root, checkpoints) = in_folder();
        write(&checkpoints, 100);
        write(&checkpoints, 200);
        let file = checkpoints.path_of(200).join("optimizer.bpk");
        match damage {
            "truncate" => fs::write(&file, [1; 50]).unwrap(),
            "change" => fs::write(&file, [7; 101]).unwrap(),
            _ => fs::remove_file(&file).unwrap(),
        }
        let (newest, broken) = checkpoints.newest_complete().unwrap();
        assert_eq!(newest.step, 100, "{damage}");
        assert!(broken[0].to_string().contains("step-000200/optimizer.bpk: "), "{}", broken[0]);
        fs::remove_dir_all(checkpoints.path_of(100)).unwrap();
        let error = checkpoints.newest_complete().unwrap_err().to_string();
        assert!(error.contains("step-000200/optimizer.bpk: "), "{error}");
    }
}

#[test]
fn without_checkpoints_the_folder_is_named() {
    let root = tempfile::tempdir().unwrap();
    let error =
        Checkpoints::new(root.path().join("none")).newest_complete().unwrap_err().to_string();
    assert!(error.ends_with("none: no checkpoint to resume from"), "{error}");
}

#[test]
fn a_checkpoint_can_be_written_again() {
    let (_root, checkpoints) = in_folder();
    write(&checkpoints, 100);
    write(&checkpoints, 100);
    assert_eq!(checkpoints.newest_complete().unwrap().0.step, 100);
}
