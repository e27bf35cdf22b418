//! Which scenario files a command line means.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where scenarios live, from the folder in which the command is called.
pub const FOLDER: &str = "scenarios";

/// The file that is meant: a path; or a name alone, which stands for `scenarios/NAME.toml`.
pub fn file_of(given: &Path) -> PathBuf {
    let name_alone = given.extension().is_none() && given.components().count() == 1 && !given.exists();
    let file = Path::new(FOLDER).join(given).with_extension("toml");
    if name_alone && file.exists() { file } else { given.to_owned() }
}

/// All scenario files, in order of name: those of the folder itself, then the counterexamples in `found`.
///
/// # Errors
/// When the folder cannot be read.
pub fn all() -> io::Result<Vec<PathBuf>> {
    let mut files = toml_files(Path::new(FOLDER))?;
    let found = Path::new(FOLDER).join("found");
    if found.is_dir() {
        files.extend(toml_files(&found)?);
    }
    Ok(files)
}

/// Two files whose scenarios would have one name, and so one folder of reports.
pub fn same_name(files: &[PathBuf]) -> Option<(&Path, &Path)> {
    let mut names: BTreeMap<_, &Path> = BTreeMap::new();
    files.iter().find_map(|file| names.insert(file.file_stem(), file).map(|other| (other, file.as_path())))
}

fn toml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_and_two_scenarios_of_one_name_are_noticed() {
        for path in ["a/b.toml", "nowhere", "b.toml", "/x/y"] {
            assert_eq!(file_of(Path::new(path)), Path::new(path));
        }
        let files = ["a/x.toml", "a/y.toml", "b/x.toml"].map(PathBuf::from);
        assert_eq!(same_name(&files), Some((Path::new("a/x.toml"), Path::new("b/x.toml"))));
        assert_eq!(same_name(&files[..2]), None);
    }
}
