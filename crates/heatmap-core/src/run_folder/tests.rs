use super::*;

/// Whether `path` is `name` in `root` with a date and, unless it is "", this number.
fn is_aside(path: &Path, root: &Path, name: &str, number: &str) -> bool {
    let found = path.strip_prefix(root).unwrap().to_str().unwrap();
    let date = found.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).unwrap();
    let form = "dddd-dd-ddTddddddZ";
    let fits = |(found, form): (u8, u8)| found == form || (form == b'd' && found.is_ascii_digit());
    date.len() == form.len() + number.len()
        && date.bytes().zip(form.bytes()).all(fits)
        && date.ends_with(number)
}

#[test]
fn an_earlier_run_moves_aside_with_its_date() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("run");
    assert_eq!(RunFolder::create(&path, &1).unwrap().1, None);
    let mut last = PathBuf::new();
    for seed in [2, 3] {
        let (folder, moved) = RunFolder::create(&path, &seed).unwrap();
        last = moved.unwrap();
        let read = |folder: &RunFolder| folder.read_json::<i32>(RunFolder::CONFIG).unwrap();
        assert_eq!((read(&folder), read(&RunFolder::open(&last).unwrap())), (seed, seed - 1));
    }
    // Both runs began in the same second, or just not.
    assert!(["", "-2"].into_iter().any(|n| is_aside(&last, root.path(), "run", n)), "{last:?}");
}

#[test]
fn a_folder_without_a_run_is_left_in_place() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("notes.txt"), "mine").unwrap();
    assert!(
        RunFolder::open(root.path()).unwrap_err().to_string().contains("no run in this folder")
    );
    let (_, moved) = RunFolder::create(root.path(), &1).unwrap();
    assert_eq!(moved, None);
    assert!(root.path().join("notes.txt").exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let error = RunFolder::create(Path::new("/proc/no/run"), &1).unwrap_err().to_string();
    assert!(error.starts_with("/proc/no/run: "), "{error}");
    assert!(
        RunFolder::check_place(Path::new("/proc/no/run"))
            .unwrap_err()
            .to_string()
            .starts_with("/proc/no/run: ")
    );
    let root = tempfile::tempdir().unwrap();
    let (folder, _) = RunFolder::create(&root.path().join("run"), &"text").unwrap();
    assert!(
        folder
            .read_json::<i32>("config.json")
            .unwrap_err()
            .to_string()
            .contains("config.json: invalid type")
    );
}

#[test]
fn one_program_at_a_time_writes_in_a_folder() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("run");
    let (first, _) = RunFolder::create(&path, &1).unwrap();
    let says =
        |error: Error| error.to_string().contains("another program is writing in this folder");
    assert!(says(RunFolder::create(&path, &2).unwrap_err()));
    assert!(says(RunFolder::open_to_write(&path).unwrap_err()));
    assert!(says(RunFolder::check_place(&path).unwrap_err()));
    // Nothing was moved, and reading is allowed.
    assert_eq!(RunFolder::open(&path).unwrap().read_json::<i32>("config.json").unwrap(), 1);
    drop(first);
    RunFolder::check_place(&path).unwrap();
    let second = RunFolder::open_to_write(&path).unwrap();
    assert!(says(RunFolder::create(&path, &2).unwrap_err()));
    drop(second);
    assert!(RunFolder::create(&path, &2).unwrap().1.is_some());
}

#[test]
fn a_place_is_checked_without_a_trace() {
    let root = tempfile::tempdir().unwrap();
    RunFolder::check_place(&root.path().join("a/b")).unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    fs::write(root.path().join("file"), "").unwrap();
    assert!(RunFolder::check_place(&root.path().join("file")).is_err());
    assert!(RunFolder::check_place(&root.path().join("file/run")).is_err());
}

#[test]
fn a_path_may_end_as_the_shell_completes_it() {
    let root = tempfile::tempdir().unwrap();
    let mut before: Option<&str> = None;
    for ending in ["run/", "run/.", "run"] {
        let (_, moved) = RunFolder::create(&root.path().join(ending), &ending).unwrap();
        let moved = moved.map(|moved| {
            assert_eq!(moved.parent(), Some(root.path()));
            RunFolder::open(&moved).unwrap().read_json::<String>("config.json").unwrap()
        });
        assert_eq!(moved.as_deref(), before);
        before = Some(ending);
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let root = tempfile::tempdir().unwrap();
    let (disk, link) = (root.path().join("disk"), root.path().join("run"));
    fs::create_dir(&disk).unwrap();
    std::os::unix::fs::symlink(&disk, &link).unwrap();
    RunFolder::create(&link, &1).unwrap();
    let (_, moved) = RunFolder::create(&link, &2).unwrap();
    assert!(link.is_symlink());
    let root = root.path().canonicalize().unwrap();
    assert!(is_aside(&moved.unwrap(), &root, "disk", ""));
    assert_eq!(RunFolder::open(&disk).unwrap().read_json::<i32>("config.json").unwrap(), 2);
}

#[test]
fn what_a_crash_left_half_written_is_swept_away() {
    let root = tempfile::tempdir().unwrap();
    drop(RunFolder::create(root.path(), &1).unwrap());
    fs::create_dir_all(root.path().join("checkpoints/.unfinished-step-000002")).unwrap();
    for name in [
        ".unfinished-a",
        "checkpoints/.unfinished-b",
        "checkpoints/.unfinished-step-000002/model.bpk",
        "mine",
    ] {
        fs::write(root.path().join(name), "half").unwrap();
    }
    RunFolder::open_to_write(root.path()).unwrap();
    assert_eq!(fs::read_dir(root.path().join("checkpoints")).unwrap().count(), 0);
    assert!(root.path().join("mine").exists() && !root.path().join(".unfinished-a").exists());
}
