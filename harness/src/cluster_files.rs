//! A cluster's configuration as its operator has it: a folder of text files, read once and kept in the plan.
//!
//! A stored plan embeds these files, so that it still runs when the folder has changed. This module only reads
//! and writes them; what they mean is the business of whoever implements `Cluster`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::finding::Source;
use crate::report::folder::{WriteError, put};

/// At most this many files are read from one folder.
pub const FILES_MAX: usize = 1_000;
/// A file may be this long, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Folders may be nested this deep.
pub const DEPTH_MAX: usize = 16;

/// The text files below a cluster's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFiles {
    /// The folder, as it is shown to the user.
    pub root: String,
    /// Text by path relative to the folder, with `/` between its parts.
    pub files: BTreeMap<String, String>,
}

/// Why a cluster's folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The cluster is not a folder.
    #[error("{} is not a folder; a cluster is a folder that holds a cluster.toml", .0.display())]
    NotAFolder(PathBuf),
    /// A file is not text.
    #[error("{} is not UTF-8 text (first wrong byte at {offset}); a cluster's folder holds text files only", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where the first byte stands that cannot be read as text.
        offset: usize,
    },
    /// The name of a file is not text.
    #[error("{} has a name that is not UTF-8; rename it", .0.display())]
    NameNotText(PathBuf),
    /// A file is too long.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes; is this a configuration file?", .0.display())]
    TooLong(PathBuf),
    /// There are too many files.
    #[error("{} holds more than {FILES_MAX} files; is this a cluster's folder?", .0.display())]
    TooMany(PathBuf),
    /// The folders are nested too deep.
    #[error("{} is nested deeper than {DEPTH_MAX} folders", .0.display())]
    TooDeep(PathBuf),
    /// A link leads out of the folder.
    #[error("{} leads out of the cluster's folder; put the file itself there", .0.display())]
    LeadsOut(PathBuf),
    /// A link leads to a folder.
    #[error("{} is a link to a folder, which is not followed; put the folder itself there", .0.display())]
    LinkedFolder(PathBuf),
    /// Something that is neither a file nor a folder.
    #[error("{} is neither a file nor a folder", .0.display())]
    NotAFile(PathBuf),
}

impl ClusterFiles {
    /// Reads every file below `folder`. Names that begin with a dot, and editors' copies that end with `~`,
    /// are left out. A symbolic link is followed when it leads to a file inside the folder.
    ///
    /// # Errors
    /// The first thing in the folder that is not a readable text file of a sensible size, in order of name.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| ReadError::Io { path, error }
        };
        if !fs::metadata(folder).map_err(io(folder))?.is_dir() {
            return Err(ReadError::NotAFolder(folder.to_owned()));
        }
        let inside = fs::canonicalize(folder).map_err(io(folder))?;
        let mut found = Self { root: folder.display().to_string(), files: BTreeMap::new() };
        let mut folders = vec![(folder.to_owned(), String::new(), 0)];
        while let Some((path, prefix, depth)) = folders.pop() {
            if depth > DEPTH_MAX {
                return Err(ReadError::TooDeep(path));
            }
            for (path, name) in entries(&path)? {
                let relative = format!("{prefix}{name}");
                let kind = fs::symlink_metadata(&path).map_err(io(&path))?.file_type();
                if kind.is_dir() {
                    folders.push((path, format!("{relative}/"), depth + 1));
                    continue;
                }
                if kind.is_symlink() {
                    let target = fs::canonicalize(&path).map_err(io(&path))?;
                    if !target.starts_with(&inside) {
                        return Err(ReadError::LeadsOut(path));
                    }
                    if target.is_dir() {
                        return Err(ReadError::LinkedFolder(path));
                    }
                }
                if found.files.len() == FILES_MAX {
                    return Err(ReadError::TooMany(folder.to_owned()));
                }
                found.files.insert(relative, text_of(&path)?);
            }
        }
        Ok(found)
    }

    /// Writes every file below `folder`, which is made when it is missing; each is whole or not at all.
    ///
    /// # Errors
    /// The first that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), WriteError> {
        self.files.iter().try_for_each(|(path, text)| put(&folder.join(path), text.as_bytes()))
    }

    /// The file at `path` as a text that findings can point into, named as the user knows it.
    pub fn source(&self, path: &str) -> Option<Source> {
        self.files.get(path).map(|text| Source::new(self.shown(path), text.as_str()))
    }

    /// The name under which the user knows the file at `path`.
    pub fn shown(&self, path: &str) -> String {
        match self.root.trim_end_matches('/') {
            "" => path.to_owned(),
            root => format!("{root}/{path}"),
        }
    }
}

/// What a folder holds, in order of name, without hidden files and editors' copies.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, String)>, ReadError> {
    let io = |error| ReadError::Io { path: folder.to_owned(), error };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            return Err(ReadError::NameNotText(path));
        };
        if found.len() > 2 * FILES_MAX {
            return Err(ReadError::TooMany(folder.to_owned()));
        }
        if !name.starts_with('.') && !name.ends_with('~') {
            found.push((path, name));
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a file that may be short, long, binary, or no file at all.
fn text_of(path: &Path) -> Result<String, ReadError> {
    let io = |error| ReadError::Io { path: path.to_owned(), error };
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(ReadError::NotAFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(io)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ReadError::TooLong(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| ReadError::NotText {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn files_are_read_with_their_relative_paths() {
        let folder = folder();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("cluster.toml"), "x").unwrap();
        fs::write(folder.path().join("a/b/hosts"), "y").unwrap();
        fs::write(folder.path().join(".hidden"), [0xff]).unwrap();
        fs::write(folder.path().join("cluster.toml~"), [0xff]).unwrap();
        symlink("b/hosts", folder.path().join("a/hosts")).unwrap();
        let files = ClusterFiles::read(folder.path()).unwrap();
        let names: Vec<_> = files.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["a/b/hosts", "a/hosts", "cluster.toml"]);
        assert_eq!(files.files["a/hosts"], "y");
        assert!(files.source("a/b/hosts").unwrap().name.ends_with("/a/b/hosts"));
    }

    #[test]
    fn what_is_not_a_text_file_of_sensible_size_is_refused_by_name() {
        type Make = fn(&Path);
        let cases: [(&str, Make); 6] = [
            ("not UTF-8 text (first wrong byte at 2)", |at| fs::write(at, b"ab\xff").unwrap()),
            ("is longer than", |at| fs::write(at, vec![b'a'; FILE_BYTES_MAX as usize + 1]).unwrap()),
            ("leads out", |at| symlink("/etc/hosts", at).unwrap()),
            ("link to a folder", |at| symlink(".", at).unwrap()),
            ("cannot read", |at| symlink("nothing", at).unwrap()),
            ("neither a file nor a folder", |at| {
                drop(std::os::unix::net::UnixListener::bind(at).unwrap());
            }),
        ];
        for (expected, make) in cases {
            let folder = folder();
            let path = folder.path().join("odd");
            make(&path);
            let message = ClusterFiles::read(folder.path()).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains("odd"), "{message}");
        }
    }

    #[test]
    fn too_many_files_and_too_deep_folders_are_refused() {
        let many = folder();
        for number in 0..=FILES_MAX {
            fs::write(many.path().join(number.to_string()), "").unwrap();
        }
        assert!(matches!(ClusterFiles::read(many.path()), Err(ReadError::TooMany(_))));
        let deep = folder();
        fs::create_dir_all(deep.path().join("d/".repeat(DEPTH_MAX + 2))).unwrap();
        assert!(matches!(ClusterFiles::read(deep.path()), Err(ReadError::TooDeep(_))));
    }

    #[test]
    fn a_missing_folder_and_a_file_in_its_place_are_told_apart() {
        let folder = folder();
        let path = folder.path().join("cluster");
        assert!(matches!(ClusterFiles::read(&path), Err(ReadError::Io { .. })));
        fs::write(&path, "").unwrap();
        assert!(matches!(ClusterFiles::read(&path), Err(ReadError::NotAFolder(_))));
    }
}
