//! Which scenario files a command line means.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use harness::scenario;

/// Where scenarios live, from the folder in which the command is called.
pub const FOLDER: &str = "scenarios";

/// The file that is meant: a path; or a name alone, which stands for the scenario of that name in `scenarios/` or
/// below it.
pub fn file_of(given: &Path) -> PathBuf {
    let name_alone = given.extension().is_none() && given.components().count() == 1 && !given.exists();
    let named = |file: &PathBuf| file.file_stem() == given.file_name();
    let file = if name_alone { all().unwrap_or_default().into_iter().find(named) } else { None };
    file.unwrap_or_else(|| given.to_owned())
}

/// All scenario files, in order: those of the folder itself, then those of the folders below it.
///
/// # Errors
/// When a folder cannot be read.
pub fn all() -> io::Result<Vec<PathBuf>> {
    scenario::files_below(Path::new(FOLDER))
}

/// Two files whose scenarios would have one name, and so one folder of reports.
pub fn same_name(files: &[PathBuf]) -> Option<(&Path, &Path)> {
    let mut names: BTreeMap<_, &Path> = BTreeMap::new();
    files.iter().find_map(|file| names.insert(file.file_stem(), file).map(|other| (other, file.as_path())))
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
