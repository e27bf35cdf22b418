//! `sim rsync` as a user meets it: its own options, exit codes, what it refuses, and that it never touches a source.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tests::{Called, command};

const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");

/// Two folders: four files of 1,000 bytes to send, an old one and a surplus one at the destination.
struct Ground(tempfile::TempDir);

impl Ground {
    fn new() -> Self {
        let ground = Self(tempfile::tempdir().unwrap());
        for folder in ["src", "src/folder", "dst"] {
            fs::create_dir(ground.path(folder)).unwrap();
        }
        for (name, letter) in [("src/1", "a"), ("src/2", "b"), ("src/3", "c"), ("src/folder/4", "d")] {
            fs::write(ground.path(name), letter.repeat(1_000)).unwrap();
        }
        fs::write(ground.path("dst/2"), "old").unwrap();
        fs::write(ground.path("dst/surplus"), "surplus").unwrap();
        ground
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn rsync(&self, args: &[&str]) -> Called {
        let source = seen(&self.path("src"));
        let called: Called =
            command(SIM).current_dir(self.0.path()).arg("rsync").args(args).output().unwrap().into();
        assert_eq!(seen(&self.path("src")), source, "{args:?} touched the source");
        called
    }

    /// The names at the destination, temporary ones as `...`.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("dst")).unwrap().map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with('.') { "...".to_owned() } else { name }
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn content(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }
}

/// All that a folder holds, with what would show a change.
fn seen(folder: &Path) -> Vec<(PathBuf, u64, u32, i64, i64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.push((path, meta.ino(), meta.mode(), meta.mtime(), meta.mtime_nsec(), content));
    }
    found.sort();
    found
}

/// A call ends with this code, says so, and leaves the destination alone.
fn refuses(args: &[&str], code: i32, why: &str) {
    let ground = Ground::new();
    let called = ground.rsync(args);
    assert!(called.code == code && called.err.contains(why), "{args:?}: {called:?}");
    assert_eq!(ground.names(), ["2", "surplus"], "{args:?}");
}

#[test]
fn a_transfer_makes_the_destination_equal_and_a_dry_run_makes_nothing() {
    let ground = Ground::new();
    let before = seen(&ground.path("dst"));
    let dry = ground.rsync(&["-an", "-i", "--delete", "src/", "dst"]);
    assert_eq!((dry.code, seen(&ground.path("dst"))), (0, before));
    let wet = ground.rsync(&["-a", "-i", "--delete", "src/", "dst"]);
    assert_eq!((wet.code, &wet.out), (0, &dry.out), "what a dry run says is what is done");
    assert_eq!(ground.names(), ["1", "2", "3", "folder"]);
    assert_eq!(ground.content("dst/folder/4"), "d".repeat(1_000));
    assert_eq!(ground.rsync(&["-ai", "--delete", "src/", "dst"]).out, "");
}

#[test]
fn a_run_is_killed_when_so_many_files_or_bytes_have_come() {
    for (option, names) in [
        ("--kill-after-file=0", &["2", "surplus"][..]),
        ("--kill-after-file=1", &["1", "2", "surplus"]),
        ("--kill-after-file=2", &["1", "2", "surplus"]),
        ("--kill-after-bytes=0", &["2", "surplus"]),
        ("--kill-after-bytes=1", &["...", "2", "surplus"]),
        ("--kill-after-bytes=1001", &["...", "1", "2", "surplus"]),
    ] {
        let ground = Ground::new();
        let killed = ground.rsync(&[option, "-a", "src/", "dst"]);
        let left: Vec<String> = ground.names().into_iter().filter(|name| name != "folder").collect();
        assert_eq!(
            (killed.code, left),
            (137, names.iter().map(|&name| name.to_owned()).collect()),
            "{option}"
        );
        assert_eq!(ground.content("dst/2") == "old", option != "--kill-after-file=2", "{option}");
        let healed = ground.rsync(&["-a", "--delete", "src/", "dst"]);
        assert_eq!((healed.code, ground.names()), (0, ["1", "2", "3", "folder"].map(str::to_owned).to_vec()));
    }
    let ground = Ground::new();
    assert_eq!(ground.rsync(&["--kill-after-file=9", "-a", "src/", "dst"]).code, 0);
    let terminated = ground.rsync(&["--kill-after-bytes=1", "--kill-signal=TERM", "-aI", "src/", "dst"]);
    assert_eq!((terminated.code, ground.names().contains(&"...".to_owned())), (20, false));
}

#[test]
fn a_source_that_cannot_be_read_to_its_end_is_left_out() {
    let ground = Ground::new();
    let called = ground.rsync(&["--source-io-error", "src/2", "-a", "src/", "dst"]);
    assert_eq!(
        (called.code, ground.content("dst/2"), ground.content("dst/3")),
        (23, "old".into(), "c".repeat(1_000))
    );
    assert!(called.err.contains("Input/output error (5)"), "{}", called.err);
}

#[test]
fn its_own_options_are_refused_with_64_when_they_are_wrong() {
    for (args, why) in [
        (&["--kill-after-file"][..], "--kill-after-file needs a value"),
        (&["--kill-after-file=", "src/", "dst"], "--kill-after-file needs a value"),
        (&["--kill-after-file=x", "src/", "dst"], "a whole number is needed"),
        (&["--kill-after-bytes=-1", "src/", "dst"], "a whole number is needed"),
        (&["--kill-signal=USR1", "src/", "dst"], "TERM or KILL"),
        (&["--source-io-error=", "-a", "src/", "dst"], "--source-io-error needs a value"),
        (&["--source-io-error=src/none", "-a", "src/", "dst"], "src/none: No such file or directory"),
    ] {
        refuses(args, 64, why);
    }
}

#[test]
fn what_it_does_not_model_is_refused_by_name() {
    for (args, name) in [
        (&["-aH", "src/", "dst"][..], "rsync's option -H is not modelled"),
        (&["-a", "--max-size=1", "src/", "dst"], "rsync's option --max-size is not modelled"),
        (&["-a", "--progress", "src/", "dst"], "rsync's option --progress is not modelled"),
        (&["-a", "src/", "host:dst"], "works on local folders only"),
        (&["-a", "rsync://host/module", "dst"], "is not modelled"),
        (&["-a", "src/"], "no destination given"),
    ] {
        refuses(args, 1, name);
    }
}

#[test]
fn folders_that_options_name_are_left_alone_but_for_what_is_put_there() {
    let ground = Ground::new();
    for folder in ["other", "other/inner", "kept"] {
        fs::create_dir(ground.path(folder)).unwrap();
        fs::write(ground.path(folder).join("file"), "there before").unwrap();
    }
    let before = seen(&ground.path("other/inner"));
    let temp = format!("--temp-dir={}", ground.path("other").display());
    let backup = format!("--backup-dir={}", ground.path("kept").display());
    let called = ground.rsync(&[&temp, &backup, "-a", "--delete", "src/", "dst"]);
    assert_eq!((called.code, called.err), (0, String::new()));
    assert_eq!((ground.content("kept/2"), ground.content("kept/surplus")), ("old".into(), "surplus".into()));
    assert_eq!(
        (seen(&ground.path("other/inner")), ground.content("kept/file")),
        (before, "there before".into())
    );
    let killed = ground.rsync(&[&temp, "--kill-after-bytes=1", "-aI", "src/", "dst"]);
    assert_eq!(
        (killed.code, fs::read_dir(ground.path("other")).unwrap().count()),
        (137, 3),
        "a part is left there"
    );
}

#[test]
fn a_destination_may_lie_in_folders_that_are_still_to_be_made() {
    let ground = Ground::new();
    assert_eq!(ground.rsync(&["-a", "src/", "new/deep/er"]).code, 11);
    assert_eq!(ground.rsync(&["-a", "--mkpath", "src/", "new/deep/er"]).code, 0);
    assert_eq!(ground.content("new/deep/er/folder/4"), "d".repeat(1_000));
    assert_eq!(ground.rsync(&["-a", "--mkpath", "src/1", "one/deep/name"]).code, 0);
    assert_eq!(ground.content("one/deep/name"), "a".repeat(1_000));
    assert_eq!(ground.rsync(&["-a", "src/1", "dst/../beside"]).code, 0);
    assert_eq!(ground.content("beside"), "a".repeat(1_000));
}
