//! Two folders for two programs, and what must be the same afterwards.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Called, command};

pub const SIM: &str = env!("CARGO_BIN_EXE_sim-under-test");
/// Debian's `nobody`.
pub const NOBODY: u32 = 65_534;

/// Whether the real rsync is here; CI must have it.
pub fn has_rsync() -> bool {
    is_here(Command::new("rsync").arg("--version").output().is_ok(), "rsync is not installed")
}

/// Whether what a test needs is here; when it is not, the test says so, or fails where CI must have it.
pub fn is_here(here: bool, trouble: &str) -> bool {
    assert!(
        here || std::env::var_os("SIM_REQUIRE_PEERS").is_none(),
        "SIM_REQUIRE_PEERS is set, and {trouble}"
    );
    if !here {
        eprintln!("skipped: {trouble}");
    }
    here
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Two folders, `src` and `dst`, made anew for each of the two programs at the same path.
pub struct Ground(pub tempfile::TempDir);

impl Ground {
    pub fn new(make: &dyn Fn(&Path)) -> Self {
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

    pub fn run(&self, program: &[&str], args: &[&str], user: Option<u32>) -> Called {
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
pub fn own(folder: &Path, user: u32) {
    let owner = format!("{user}:{user}");
    assert!(Command::new("chown").args(["-hR", &owner]).arg(folder).status().unwrap().success());
}

/// Everything below a folder: path, kind and mode, where a link leads, a file's content.
pub fn tree(folder: &Path) -> Vec<(PathBuf, u32, Option<PathBuf>, Vec<u8>)> {
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
pub fn same(make: &dyn Fn(&Path), args: &[&str], user: Option<u32>) {
    if !has_rsync() {
        return;
    }
    let (real, model) = (Ground::new(make), Ground::new(make));
    agree(args, (&real, real.run(&["rsync"], args, user)), (&model, model.run(&[SIM, "rsync"], args, user)));
}

/// Both did the same, and said so.
pub fn agree(args: &[&str], (real, expected): (&Ground, Called), (model, got): (&Ground, Called)) {
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
    assert_eq!(lines(&got.out, model), lines(&expected.out, real), "{args:?}");
    assert_eq!(lines(&got.err, model), lines(&expected.err, real), "{args:?}");
}

/// A line without the place in rsync's source, the random part of a temporary name and the bytes on the connection; none
/// for an empty one and for what a process says that another one ends.
pub fn without_chance(line: &str) -> Option<String> {
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
    if let (true, Some((before, after))) = (line.contains("] rename \""), line.split_once("\" -> ")) {
        // A part has its own name.
        let is_temporary = before.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
        let end = before.len() - if is_temporary { 6 } else { 0 };
        return Some(format!("{}\" -> {after}", &before[..end]));
    }
    if let (true, Some((before, after))) = (line.contains(" mkstemp "), line.rsplit_once("\" failed")) {
        return Some(format!("{}XXXXXX\" failed{after}", &before[..before.len() - 6]));
    }
    Some(line.to_owned())
}

/// Runs the model alone, which must refuse with this, and change nothing.
pub fn refused(make: &dyn Fn(&Path), args: &[&str], why: &str) {
    let ground = Ground::new(make);
    let before = tree(&ground.0.path().join("dst"));
    let got = ground.run(&[SIM, "rsync"], args, None);
    assert!(got.code == 65 && got.err.contains(why), "{args:?}: {} {}", got.code, got.err);
    assert_eq!(tree(&ground.0.path().join("dst")), before);
}

pub fn write(path: impl AsRef<Path>, mode: u32) {
    fs::write(&path, format!("content of {mode:o}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub fn folder(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
