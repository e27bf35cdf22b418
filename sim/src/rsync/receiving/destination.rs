//! Where the list goes: into a folder, or onto one name.

use std::borrow::Cow;

use crate::disk::{Kind, errno};
use crate::rsync::console::Console;
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::options::{AltKind, Options};
use crate::rsync::outcome::{FILE_IO, FILE_SELECTION, SYNTAX};
use crate::rsync::paths::{absolute, is_below, join, quoted, split};
use crate::rsync::stop::{Stop, show_errno};

const ROLE: &str = "Receiver";

/// Where the list goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Destination {
    /// The folder, absolute.
    pub folder: Vec<u8>,
    /// The folder as it was named, absolute.
    pub named: Vec<u8>,
    /// The only entry is to have this path.
    pub solo: Option<Vec<u8>>,
    /// The folder was made for this run, or would have been.
    pub created: bool,
    /// With `-n`: the folder is not there.
    pub missing: bool,
}

impl Destination {
    /// The path of a name of the list.
    pub fn path(&self, name: &[u8]) -> Vec<u8> {
        match &self.solo {
            Some(path) => path.clone(),
            None => join(&self.folder, name),
        }
    }

    /// A path as messages have it: below the folder as it was named, which a link to its own folder is not.
    pub fn shown<'p>(&self, path: &'p [u8]) -> Cow<'p, [u8]> {
        let is_elsewhere = split(&self.named).0 == self.folder && is_below(path, &self.folder);
        match is_elsewhere && !self.named.is_empty() {
            true => join(&self.named, &path[self.folder.len() + 1..]).into(),
            false => path.into(),
        }
    }

    /// Where a folder of `--link-dest` and its kin lies: below the destination as it was named, so that it is found no
    /// more when a link on that way goes. With `-n`, from a folder that is not there its own first step upwards is taken.
    pub fn alternative(&self, dir: &[u8]) -> Vec<u8> {
        let base = if self.named.is_empty() { &self.folder } else { &self.named };
        match dir.strip_prefix(b"../") {
            _ if dir.starts_with(b"/") => dir.to_vec(),
            Some(rest) if self.missing => join(split(&self.folder).0, rest),
            _ => join(base, dir),
        }
    }
}

/// Decides what the destination argument means for this list, and makes its folder. `listed` counts names that
/// stand twice in the list twice, and those that `-m` took out.
pub(super) fn choose(
    env: &impl Env,
    options: &Options,
    console: &Console,
    argument: &[u8],
    list: &[Entry],
    listed: u64,
) -> Result<Destination, Stop> {
    // A remote destination may be empty: the user's home, which is the server's working folder.
    let argument: &[u8] = if argument.is_empty() { b"." } else { argument };
    let slashes = argument.iter().rev().take_while(|&&byte| byte == b'/').count();
    let trimmed = if slashes == argument.len() { b"/" } else { &argument[..argument.len() - slashes] };
    let path = absolute(env.working_folder(), trimmed);
    // With its slashes, as some messages have it.
    let written = absolute(env.working_folder(), argument);
    let folder = |created, missing| Destination {
        folder: path.clone(),
        named: path.clone(),
        solo: None,
        created,
        missing,
    };
    match env.read_disk(|disk| disk.stat(&path)) {
        Ok(stat) if stat.kind == Kind::Folder => {
            // rsync goes into it, so that `.` is never a link that leads there.
            let is_link =
                env.read_disk(|disk| disk.lstat(&path)).is_ok_and(|stat| stat.kind == Kind::Symlink);
            let mut found = folder(false, false);
            let parent = split(&path).0;
            if is_link && env.read_disk(|disk| disk.stat(parent)).is_ok_and(|above| above.ino == stat.ino) {
                // A link to its own folder: what is put there may take its place.
                found.folder = parent.to_vec();
            } else if is_link {
                found.folder.push(b'/');
            }
            return Ok(found);
        }
        Ok(_) if listed > 1 => {
            console.error("ERROR: destination must be a directory when copying more than 1 file");
            return Err(Stop::Failed(FILE_SELECTION, "main.c(777)", ROLE));
        }
        Ok(_) if list.first().is_some_and(Entry::is_folder) => {
            console.error("ERROR: cannot overwrite non-directory with a directory");
            return Err(Stop::Failed(FILE_SELECTION, "main.c(783)", ROLE));
        }
        Ok(_) if slashes > 0 => {
            let error = errno::error(errno::ENOTDIR);
            cannot(console, "ERROR: cannot stat destination", &written, b": ", &error);
            return Err(Stop::Failed(FILE_SELECTION, "main.c(789)", ROLE));
        }
        Ok(_) => {}
        Err(error) if error.raw_os_error() == Some(errno::ENOENT) => {}
        Err(error) => {
            cannot(console, "ERROR: cannot stat destination", &written, b": ", &error);
            return Err(Stop::Failed(FILE_SELECTION, "main.c(789)", ROLE));
        }
    }
    let parents_made =
        if options.mkpath { make_parents(env, options, console, &path, trimmed, slashes > 0)? } else { 0 };
    let exists = env.read_disk(|disk| disk.stat(&path)).is_ok();
    if !exists && (listed > 1 || slashes > 0) {
        if options.dry_run {
            if parents_made == 0 {
                console_created(console, options, trimmed);
            }
            return Ok(folder(true, true));
        }
        let mode = 0o777 & !env.umask();
        if let Err(error) = env.write_disk(|disk, now| disk.create_dir(&path, mode, now)) {
            // What could not be made is not said to be made.
            cannot(console, "mkdir", &path, b" failed: ", &error);
            return Err(Stop::Failed(FILE_IO, "main.c(808)", ROLE));
        }
        if parents_made == 0 {
            console_created(console, options, trimmed);
        }
        return Ok(folder(true, false));
    }
    let parent = split(&path).0.to_vec();
    match env.read_disk(|disk| disk.stat(&parent)) {
        Ok(stat) if stat.kind == Kind::Folder => {}
        _ if options.dry_run && options.mkpath => {}
        result => {
            let error = result.err().unwrap_or_else(|| errno::error(errno::ENOTDIR));
            cannot(console, "change_dir#3", &parent, b" failed: ", &error);
            return Err(Stop::Failed(FILE_SELECTION, "main.c(855)", ROLE));
        }
    }
    Ok(Destination { folder: parent, named: Vec::new(), solo: Some(path), created: false, missing: false })
}

/// Looks at the folders that options name: those of `--link-dest` and its kin may be anything, that of `--backup-dir`
/// may be missing, that of `--temp-dir` may not.
pub(super) fn check_folders(
    env: &impl Env,
    options: &Options,
    console: &Console,
    destination: &Destination,
) -> Result<(), Stop> {
    // A dry run that has no folder to go to stays where it is.
    let base = if destination.missing { env.working_folder() } else { &destination.folder };
    let look = |path: &[u8]| env.read_disk(|disk| disk.stat(path)).map(|stat| stat.kind);
    let option = match options.alt_kind {
        Some(AltKind::Compare) => "--compare-dest",
        Some(AltKind::Copy) => "--copy-dest",
        _ => "--link-dest",
    };
    for dir in &options.alt_dests {
        let path = destination.alternative(dir);
        let wrong = match look(&path) {
            Ok(Kind::Folder) => continue,
            Ok(_) => "is not a dir",
            Err(_) => "does not exist",
        };
        console.warning([format!("{option} arg {wrong}: ").as_bytes(), &path].concat());
    }
    if let Some(dir) = &options.backup_dir {
        match look(&absolute(base, dir)) {
            Ok(Kind::Folder) => say_backup_dir(console, options, b"backup_dir is ", dir),
            Ok(_) => {
                console.error([b"The backup-dir is not a directory: ", &dir[..]].concat());
                return Err(Stop::Failed(SYNTAX, "main.c(1032)", ROLE));
            }
            Err(error) if error.raw_os_error() == Some(errno::ENOENT) => {
                say_backup_dir(console, options, b"(new) backup_dir is ", dir);
            }
            Err(error) => return Err(cannot_stat(console, b"", dir, &error, "main.c(1036)")),
        }
    }
    let Some(dir) = &options.temp_dir else { return Ok(()) };
    let (wrong, source) = match look(&absolute(base, dir)) {
        Ok(Kind::Folder) => return Ok(()),
        Ok(_) => ("is not a directory", "main.c(1052)"),
        Err(error) if error.raw_os_error() == Some(errno::ENOENT) => ("does not exist", "main.c(1056)"),
        Err(error) => return Err(cannot_stat(console, b"temp-dir ", dir, &error, "main.c(1059)")),
    };
    console.error([format!("The temp-dir {wrong}: ").as_bytes(), dir].concat());
    Err(Stop::Failed(SYNTAX, source, ROLE))
}

fn say_backup_dir(console: &Console, options: &Options, what: &[u8], dir: &[u8]) {
    if options.output.verbose > 1 {
        console.info([what, dir].concat());
    }
}

fn cannot_stat(
    console: &Console,
    what: &[u8],
    dir: &[u8],
    error: &std::io::Error,
    source: &'static str,
) -> Stop {
    console.error(
        [b"Failed to stat ", what, dir, b": ", errno::message(errno::number(error)).as_bytes()].concat(),
    );
    Stop::Failed(FILE_IO, source, ROLE)
}

/// `--mkpath`: makes what is missing on the way; gives how many folders.
fn make_parents(
    env: &impl Env,
    options: &Options,
    console: &Console,
    path: &[u8],
    argument: &[u8],
    whole: bool,
) -> Result<usize, Stop> {
    let target = if whole { path } else { split(path).0 };
    let ends = (1..target.len()).filter(|&at| target[at] == b'/').chain([target.len()]);
    let missing: Vec<usize> =
        ends.filter(|&end| env.read_disk(|disk| disk.stat(&target[..end])).is_err()).collect();
    if missing.is_empty() || options.dry_run {
        return Ok(0);
    }
    for &end in &missing {
        let mode = 0o777 & !env.umask();
        if let Err(error) = env.write_disk(|disk, now| disk.create_dir(&target[..end], mode, now)) {
            cannot(console, "mkpath", &target[..end], b" failed: ", &error);
            return Err(Stop::Failed(FILE_IO, "main.c(808)", ROLE));
        }
    }
    if options.prints_names() {
        let shown = if whole { argument } else { split(argument).0 };
        let line = match missing.len() {
            1 => [b"created directory ", shown].concat(),
            count => [format!("created {count} directories for ").as_bytes(), shown].concat(),
        };
        console.info(line);
    }
    Ok(missing.len())
}

fn console_created(console: &Console, options: &Options, argument: &[u8]) {
    if options.prints_names() {
        console.info([b"created directory ", argument].concat());
    }
}

fn cannot(console: &Console, what: &str, path: &[u8], between: &[u8], error: &std::io::Error) {
    let (before, after) = (format!("rsync: [{ROLE}] {what} "), show_errno(error));
    console.error([before.as_bytes(), &quoted(path), between, after.as_bytes()].concat());
}
