//! What `sim rsync` does not take on, said before anything is read: folders that do not fit into memory, that are
//! nested deeper than the real program goes, or that lie in one another.
//!
//! Everything else that a folder may hold (unreadable files, sockets, pipes, devices, links that lead in circles,
//! names that are no text) is read as it is and handled as rsync handles it.

use std::fs;
use std::path::{Path, PathBuf};

use super::real_tree::real;

/// Content that is read into memory, of all folders together.
pub(super) const BYTES_MAX: u64 = 2 << 30;
/// Entries of all folders together.
pub(super) const ENTRIES_MAX: u64 = 2_000_000;
/// Folders in one another. rsync 3.5.0 itself fails with ENOMEM where a path has about 1,022 parts.
pub(super) const DEPTH_MAX: usize = 1_000;

/// Folders on their way to be read: how much there is of them so far.
#[derive(Debug, Default)]
pub(super) struct Measured {
    bytes: u64,
    entries: u64,
}

impl Measured {
    /// Adds what stands at an absolute path, with everything below it; what is not there is nothing.
    ///
    /// # Errors
    /// Why it cannot be read into a simulated disk.
    pub fn add(&mut self, path: &[u8]) -> Result<(), String> {
        let path = real(path);
        // Why something is not there, the modelled rsync will say.
        if fs::metadata(path).is_err() {
            return Ok(());
        }
        let mut waiting: Vec<(PathBuf, usize)> = vec![(path.to_owned(), 0)];
        while let Some((path, depth)) = waiting.pop() {
            let listed = match fs::read_dir(&path) {
                Ok(listed) => listed,
                Err(error) if error.kind() == std::io::ErrorKind::InvalidFilename => {
                    return Err(format!("a path below {} is longer than the system takes", short(&path)));
                }
                // A file, or a folder that may not be read.
                Err(_) => {
                    self.count(&path)?;
                    continue;
                }
            };
            if depth > DEPTH_MAX {
                return Err(format!("{} is nested deeper than {DEPTH_MAX} folders", short(&path)));
            }
            for entry in listed.flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => {
                        self.entry()?;
                        waiting.push((entry.path(), depth + 1));
                    }
                    _ => self.count(&entry.path())?,
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, path: &Path) -> Result<(), String> {
        self.entry()?;
        let size =
            fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map_or(0, |found| found.len());
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > BYTES_MAX {
            let most = BYTES_MAX >> 20;
            return Err(format!(
                "{}: with it there is more than {most} MiB to read into memory",
                short(path)
            ));
        }
        Ok(())
    }

    fn entry(&mut self) -> Result<(), String> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(format!("there are more than {ENTRIES_MAX} files and folders"));
        }
        Ok(())
    }
}

/// Refuses a source and a destination of which one lies in the other: the real program would find some of what it
/// writes itself while it reads, the model reads everything first. Equal ones change nothing and may stand.
///
/// # Errors
/// Why it is refused.
pub(super) fn check_apart(source: &[u8], destination: &[u8]) -> Result<(), String> {
    let resolved = |path: &[u8]| fs::canonicalize(real(path));
    let (Ok(from), Ok(to)) = (resolved(source), resolved(destination)) else { return Ok(()) };
    if from != to && from.is_dir() && (from.starts_with(&to) || to.starts_with(&from)) {
        let (from, to) = (from.display(), to.display());
        return Err(format!("{from} and {to} lie in one another: copy between folders that stand apart"));
    }
    Ok(())
}

/// A path as a message can show it.
fn short(path: &Path) -> String {
    let shown = path.display().to_string();
    match shown.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &shown[..end]),
        None => shown,
    }
}
