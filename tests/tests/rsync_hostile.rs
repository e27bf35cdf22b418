//! Folders that nobody wishes for, under `sim rsync` and under the real rsync: what cannot be read, what is no file,
//! names that are no text, nesting without end. The same exit code and the same result, or a clear refusal; never a
//! panic. Root reads everything, so what is about permissions runs as another user.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tests::{Called, command};

const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");
/// Debian's `nobody`.
const NOBODY: u32 = 65_534;

/// Whether the real rsync is here; CI must have it.
fn has_rsync() -> bool {
    let there = Command::new("rsync").arg("--version").output().is_ok();
    assert!(
        there || std::env::var_os("SIM_REQUIRE_PEERS").is_none(),
        "SIM_REQUIRE_PEERS is set, and rsync is missing"
    );
    if !there {
        eprintln!("skipped: rsync is not installed");
    }
    there
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Two folders, `src` and `dst`, made anew for each of the two programs at the same path.
struct Ground(tempfile::TempDir);

impl Ground {
    fn new(make: &dyn Fn(&Path)) -> Self {
        let ground = Self(tempfile::tempdir().unwrap());
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(ground.0.path(), open).unwrap();
        for name in ["src", "dst"] {
            fs::create_dir(ground.0.path().join(name)).unwrap();
        }
        make(ground.0.path());
        // Whether two things are of the same second is no matter of chance.
        let at = ground.0.path();
        let touch = ["-depth", "-exec", "touch", "-h", "-d", "@1000000000", "{}", "+"];
        let _ = Command::new("find").arg(at).args(touch).output();
        ground
    }

    fn run(&self, program: &[&str], args: &[&str], user: Option<u32>) -> Called {
        let user = user.filter(|_| is_root());
        let mut words: Vec<String> = Vec::new();
        if let Some(user) = user {
            own(self.0.path(), user);
            words = ["setpriv", &format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]
                .map(str::to_owned)
                .into();
        }
        words.extend(program.iter().chain(args).map(|&word| word.to_owned()));
        let mut command = command(&words[0]);
        command.args(&words[1..]).current_dir(self.0.path()).env("LC_ALL", "C").output().unwrap().into()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What may not be read could not be removed either.
        let _ = Command::new("chmod").args(["-R", "u+rwx"]).arg(self.0.path()).output();
    }
}

/// Gives everything to a user; links themselves.
fn own(folder: &Path, user: u32) {
    let owner = format!("{user}:{user}");
    assert!(Command::new("chown").args(["-hR", &owner]).arg(folder).status().unwrap().success());
}

/// Everything below a folder: path, kind and mode, where a link leads, a file's content.
fn tree(folder: &Path) -> Vec<(PathBuf, u32, Option<PathBuf>, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            let (path, meta) = (entry.path(), entry.metadata().unwrap());
            if meta.is_dir() {
                waiting.push(path.clone());
            }
            let content = if meta.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
            let below = path.strip_prefix(folder).unwrap().to_owned();
            found.push((below, meta.mode(), fs::read_link(&path).ok(), content));
        }
    }
    found.sort();
    found
}

/// Runs both programs on the same folders, and demands the same.
fn same(make: &dyn Fn(&Path), args: &[&str], user: Option<u32>) {
    if !has_rsync() {
        return;
    }
    let (real, model) = (Ground::new(make), Ground::new(make));
    let expected = real.run(&["rsync"], args, user);
    let got = model.run(&[SIM, "rsync"], args, user);
    assert_eq!(got.code, expected.code, "{args:?}\nreal: {}\nmodel: {}", expected.err, got.err);
    assert_eq!(tree(&model.0.path().join("dst")), tree(&real.0.path().join("dst")), "{args:?}");
    // Who prints first is a matter of time.
    let lines = |text: &str, ground: &Ground| {
        let here = ground.0.path().display().to_string();
        let lines = text.lines().map(|line| line.replace(&here, ""));
        let mut lines: Vec<String> = lines.filter_map(|line| without_chance(&line)).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&got.out, &model), lines(&expected.out, &real), "{args:?}");
    assert_eq!(lines(&got.err, &model), lines(&expected.err, &real), "{args:?}");
}

/// A line without the place in rsync's source, the random part of a temporary name and the bytes on the connection; none
/// for an empty one and for what a process says that another one ends.
fn without_chance(line: &str) -> Option<String> {
    if line.is_empty() || line.starts_with("rsync error: received SIGUSR1") {
        return None;
    }
    if let (Some((before, after)), true) = (line.split_once(") at "), line.starts_with("rsync error: ")) {
        return Some(format!("{before}) {}", after.split_once('[').map_or("", |(_, role)| role)));
    }
    if line.starts_with("sent ") || line.starts_with("total size is ") {
        return line
            .split_once("  ")
            .map(|(before, _)| before.split(' ').next().unwrap_or_default().to_owned());
    }
    if let (true, Some((before, after))) = (line.contains("] copy_file "), line.rsplit_once(": ")) {
        return Some(format!("{}XXXXXX: {after}", &before[..before.len() - 6]));
    }
    if let (true, Some((before, after))) = (line.contains(" mkstemp "), line.rsplit_once("\" failed")) {
        return Some(format!("{}XXXXXX\" failed{after}", &before[..before.len() - 6]));
    }
    Some(line.to_owned())
}

/// Runs the model alone, which must refuse with this, and change nothing.
fn refused(make: &dyn Fn(&Path), args: &[&str], why: &str) {
    let ground = Ground::new(make);
    let before = tree(&ground.0.path().join("dst"));
    let got = ground.run(&[SIM, "rsync"], args, None);
    assert!(got.code == 65 && got.err.contains(why), "{args:?}: {} {}", got.code, got.err);
    assert_eq!(tree(&ground.0.path().join("dst")), before);
}

fn write(path: impl AsRef<Path>, mode: u32) {
    fs::write(&path, format!("content of {mode:o}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn folder(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_cannot_be_read_is_left_out_and_told() {
    let make = |at: &Path| {
        fs::create_dir_all(at.join("src/open")).unwrap();
        fs::create_dir_all(at.join("src/locked")).unwrap();
        write(at.join("src/readable"), 0o644);
        write(at.join("src/unreadable"), 0);
        write(at.join("src/open/file"), 0o600);
        write(at.join("src/locked/file"), 0o644);
        folder(at.join("src/locked"), 0);
    };
    for args in [["-a", "src/", "dst"], ["-ac", "src/", "dst"], ["-an", "src/", "dst"]] {
        same(&make, &args, Some(NOBODY));
        same(&make, &args, None);
    }
}

#[test]
fn a_destination_that_its_owner_may_not_write_is_written_all_the_same() {
    let make = |at: &Path| {
        write(at.join("src/file"), 0o644);
        fs::create_dir_all(at.join("src/folder")).unwrap();
        write(at.join("src/folder/new"), 0o644);
        write(at.join("dst/file"), 0);
        fs::create_dir_all(at.join("dst/folder")).unwrap();
        write(at.join("dst/folder/old"), 0o644);
        folder(at.join("dst/folder"), 0o500);
        folder(at.join("dst"), 0o500);
    };
    same(&make, &["-a", "--delete", "src/", "dst"], Some(NOBODY));
}

#[test]
fn a_folder_that_cannot_be_read_is_named_as_it_was_given() {
    let make = |at: &Path| {
        fs::create_dir(at.join("src/locked")).unwrap();
        write(at.join("src/locked/file"), 0o644);
        folder(at.join("src/locked"), 0o300);
    };
    for source in ["src/locked", "src/locked/", "src/locked/."] {
        for option in ["-a", "-r", "-d", "-aR"] {
            same(&make, &[option, source, "dst"], Some(NOBODY));
        }
    }
}

#[test]
fn what_cannot_be_read_elsewhere_is_asked_for_anew() {
    let make = |at: &Path| {
        write(at.join("src/file"), 0);
        write(at.join("src/other"), 0o644);
    };
    for option in ["--copy-dest=../src", "--link-dest=../src", "--compare-dest=../src"] {
        same(&make, &["-ai", option, "src/", "dst"], Some(NOBODY));
        same(&make, &["-aiv", option, "src/", "dst"], Some(NOBODY));
    }
}

#[test]
fn a_backup_that_may_not_be_made_ends_the_transfer_of_its_file() {
    let closed = |at: &Path| {
        write(at.join("src/file"), 0o644);
        symlink("new", at.join("src/link")).unwrap();
        write(at.join("dst/file"), 0o600);
        fs::write(at.join("dst/file"), "old").unwrap();
        symlink("old", at.join("dst/link")).unwrap();
        fs::create_dir(at.join("closed")).unwrap();
        folder(at.join("closed"), 0o500);
    };
    let more = |at: &Path| {
        closed(at);
        fs::create_dir(at.join("src/folder")).unwrap();
        write(at.join("dst/folder"), 0o644);
        write(at.join("dst/surplus"), 0o644);
    };
    for option in ["-ai", "-ain", "-rti"] {
        for dir in ["--backup-dir=../closed", "--backup-dir=../closed/new"] {
            // The receiver ends, and what the generator still says is a matter of time.
            same(&closed, &[option, dir, "src/", "dst"], Some(NOBODY));
            for other in ["--inplace", "--delay-updates"] {
                same(&more, &[option, other, "--delete", dir, "src/", "dst"], Some(NOBODY));
            }
        }
    }
}

#[test]
fn pipes_sockets_devices_and_links_in_circles_are_carried_or_passed_over() {
    let make = |at: &Path| {
        let mode = Mode::from_raw_mode(0o640);
        mknodat(CWD, at.join("src/pipe"), FileType::Fifo, mode, 0).unwrap();
        mknodat(CWD, at.join("src/socket"), FileType::Socket, mode, 0).unwrap();
        if is_root() {
            let null = rustix::fs::makedev(1, 3);
            mknodat(CWD, at.join("src/null"), FileType::CharacterDevice, mode, null).unwrap();
        }
        for (to, link) in [("b", "a"), ("a", "b"), (".", "self"), ("..", "up"), ("nothing", "broken")] {
            symlink(to, at.join("src").join(link)).unwrap();
        }
    };
    for args in [["-a", "src/", "dst"], ["-r", "src/", "dst"], ["-rlD", "src/", "dst"]] {
        same(&make, &args, None);
    }
    same(&make, &["-rl", "src/", "dst"], Some(NOBODY));
}

#[test]
fn names_that_are_no_text_are_carried() {
    let make = |at: &Path| {
        let long = [b'x'; 255];
        for name in
            [&b"\xff\xfe"[..], b"\xc3(", b"tab\t", b"line\n", b"-n", b" ", b"\x01", b"*?[a]", b"\\", &long]
        {
            write(at.join("src").join(OsStr::from_bytes(name)), 0o644);
        }
        fs::create_dir(at.join("src").join(OsStr::from_bytes(b"\xff/"))).unwrap();
        write(at.join("src").join(OsStr::from_bytes(b"\xff/\xfe")), 0o644);
    };
    same(&make, &["-a", "src/", "dst"], None);
}

#[test]
fn deep_nesting_is_carried_as_far_as_the_real_rsync_goes_and_refused_beyond() {
    let make = |depth: usize| {
        move |at: &Path| {
            let mut path = at.join("src");
            (0..depth).for_each(|_| path.push("d"));
            fs::create_dir_all(&path).unwrap();
            write(path.join("file"), 0o644);
        }
    };
    same(&make(900), &["-a", "src/", "dst"], None);
    refused(&make(1_100), &["-a", "src/", "dst"], "nested deeper than 1000 folders");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_read() {
    let sparse = |at: &Path| fs::File::create(at.join("src/sparse")).unwrap().set_len(3 << 30).unwrap();
    refused(&sparse, &["-a", "src/", "dst"], "MiB to read into memory");
    let inside = |at: &Path| fs::create_dir(at.join("src/inner")).unwrap();
    refused(&inside, &["-a", "src/", "src/inner"], "lie in one another");
    refused(&inside, &["-a", "--delete", "src/inner/", "src"], "lie in one another");
}

#[test]
fn an_argument_whose_links_lead_in_a_circle_is_no_more_than_that() {
    let circle = |at: &Path| {
        symlink("b", at.join("a")).unwrap();
        symlink("a", at.join("b")).unwrap();
        write(at.join("src/file"), 0o644);
    };
    for args in [["-a", "a/", "dst"], ["-a", "a", "dst"], ["-a", "src/", "a/"], ["-a", "a/below", "dst"]] {
        same(&circle, &args, None);
    }
    for destination in ["a", "a//", "a/b/", "src/file/", "src/file/."] {
        same(&circle, &["-a", "src/file", destination], None);
    }
}

#[test]
fn deleting_goes_on_until_the_list_comes_to_a_folder_that_cannot_be_read() {
    let make = |at: &Path| {
        for folder in ["a", "locked", "z"] {
            fs::create_dir(at.join("src").join(folder)).unwrap();
            fs::create_dir(at.join("dst").join(folder)).unwrap();
            write(at.join("dst").join(folder).join("old"), 0o644);
        }
        write(at.join("src/file"), 0o644);
        write(at.join("dst/old"), 0o644);
        folder(at.join("src/locked"), 0);
    };
    for option in ["--delete", "--delete-delay", "--delete-before", "--delete-after"] {
        for other in ["-ai", "-ain", "-rl", "-aR"] {
            same(&make, &[option, other, "src/", "dst"], Some(NOBODY));
            same(&make, &[option, other, "--no-inc-recursive", "src/", "dst"], Some(NOBODY));
            same(&make, &[option, other, "--ignore-errors", "src/", "dst"], Some(NOBODY));
        }
        same(&make, &[option, "-ai", "src/a", "src/locked", "src/z", "dst"], Some(NOBODY));
    }
}

/// Something that a folder may hold.
#[derive(Debug, Clone)]
enum Thing {
    File(Vec<u8>, u32),
    Folder(u32),
    Link(Vec<u8>),
    Pipe,
    Socket,
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![Just(b'a'), Just(b'-'), Just(b'.'), Just(b' '), Just(b'\n'), Just(0xff_u8), Just(b'*')];
    prop::collection::vec(byte, 1..6).prop_filter("these two are taken", |name| name != b"." && name != b"..")
}

fn thing() -> impl Strategy<Value = Thing> {
    let mode = prop_oneof![Just(0o644_u32), Just(0), Just(0o755), Just(0o200), Just(0o700)];
    prop_oneof![
        (prop::collection::vec(any::<u8>(), 0..50), mode.clone())
            .prop_map(|(text, mode)| Thing::File(text, mode)),
        mode.prop_map(Thing::Folder),
        name().prop_map(Thing::Link),
        Just(Thing::Pipe),
        Just(Thing::Socket),
    ]
}

fn put(at: &Path, things: &[(Vec<u8>, Vec<u8>, Thing)]) {
    let plain = |name: &[u8]| PathBuf::from(OsStr::from_bytes(name));
    let mut modes = Vec::new();
    for (folder, name, thing) in things {
        let folder = at.join(plain(folder));
        let _ = fs::create_dir(&folder);
        let path = folder.join(plain(name));
        let made = match thing {
            Thing::File(text, mode) if !path.exists() => {
                modes.push((path.clone(), *mode));
                fs::write(&path, text)
            }
            Thing::Folder(mode) if !path.exists() => {
                modes.push((path.clone(), *mode));
                fs::create_dir(&path)
            }
            Thing::Link(to) => symlink(plain(to), &path),
            Thing::Pipe => mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).map_err(Into::into),
            Thing::Socket => mknodat(CWD, &path, FileType::Socket, Mode::RUSR, 0).map_err(Into::into),
            _ => Ok(()),
        };
        // Two may have the same name: the first one stands.
        drop(made);
    }
    for (path, mode) in modes {
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_symlink() && !found.file_type().is_fifo())
        {
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(mode));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever lies in the two folders, the model ends with a code that rsync has, and leaves the source alone.
    #[test]
    fn no_folder_makes_the_model_panic(
        source in prop::collection::vec((name(), name(), thing()), 0..12),
        destination in prop::collection::vec((name(), name(), thing()), 0..12),
        option in prop::sample::select(vec!["-a", "-rc", "-rlptI", "-au", "-ab", "-aR"]),
        delete in any::<bool>(),
        nobody in any::<bool>(),
    ) {
        let make = |at: &Path| {
            put(&at.join("src"), &source);
            put(&at.join("dst"), &destination);
        };
        let ground = Ground::new(&make);
        let mut args = vec![option, "src/", "dst"];
        if delete {
            args.insert(0, "--delete");
        }
        let before = tree(&ground.0.path().join("src"));
        let got = ground.run(&[SIM, "rsync"], &args, nobody.then_some(NOBODY));
        prop_assert!([0, 23].contains(&got.code), "{args:?}: {} {}", got.code, got.err);
        prop_assert!(!got.err.contains("panicked") && !got.err.contains("sim rsync:"), "{}", got.err);
        prop_assert_eq!(tree(&ground.0.path().join("src")), before);
    }
}
