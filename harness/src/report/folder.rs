//! Puts a report's files in their folder, each whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Report, html, json, junit, markdown};

/// A face of a report that is a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `report.md`
    Markdown,
    /// `report.json`
    Json,
    /// `junit.xml`
    Junit,
    /// `report.html`
    Html,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::Markdown, Format::Json, Format::Junit, Format::Html];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Markdown => "md",
            Format::Json => "json",
            Format::Junit => "junit",
            Format::Html => "html",
        }
    }

    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            Format::Markdown => "report.md",
            Format::Json => "report.json",
            Format::Junit => "junit.xml",
            Format::Html => "report.html",
        }
    }

    /// The text of its file.
    pub fn render(self, report: &Report) -> String {
        match self {
            Format::Markdown => markdown(report),
            Format::Json => json(report),
            Format::Junit => junit(report),
            Format::Html => html(report),
        }
    }
}

/// A file or folder that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub struct WriteError {
    /// Which.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

/// Writes these faces of a report into `folder`, which is made when it is missing. Gives the files that are
/// new or other than before.
///
/// # Errors
/// The first file or folder that cannot be written; what stood there before is then still whole.
pub fn write(folder: &Path, report: &Report, formats: &[Format]) -> Result<Vec<PathBuf>, WriteError> {
    let mut changed = Vec::new();
    for format in formats {
        let (path, text) = (folder.join(format.file()), format.render(report));
        if fs::read(&path).is_ok_and(|before| before == text.as_bytes()) {
            continue;
        }
        put(&path, text.as_bytes())?;
        changed.push(path);
    }
    Ok(changed)
}

/// Writes a file under a temporary name and renames it, so that nobody meets half of it. Its folder is made
/// when it is missing.
///
/// # Errors
/// What cannot be written; what stood at `path` before is then still whole.
pub fn put(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| WriteError { path, error }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        // The write has failed already; a temporary file that cannot be removed either changes nothing.
        let _ = fs::remove_file(&temporary);
        failed(path)(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_no_temporary_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/report.md");
        put(&path, b"one").unwrap();
        put(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_named_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("report.md/in the way")).unwrap();
        let message = put(&folder.path().join("report.md"), b"one").unwrap_err().to_string();
        assert!(message.starts_with("cannot write ") && message.contains("report.md"), "{message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(put(&folder.path().join("file/report.md"), b"one").is_err());
    }
}
