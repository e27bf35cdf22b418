//! Which files of a folder are scenarios: all `.toml` files in it and below it, except below `clusters`, where the
//! clusters' own files lie.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder below a folder of scenarios that holds clusters' files, and so no scenarios.
const CLUSTERS: &str = "clusters";
/// Folders are nested this deep at most; what lies deeper is not looked at, so that a loop of links ends.
const DEPTH_MAX: usize = 8;

/// The scenario files of a folder: those of the folder itself in order of name, then those of each folder below
/// it, likewise.
///
/// # Errors
/// When a folder cannot be read.
pub fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(folder, DEPTH_MAX, &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let (folders, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|path| path.is_dir());
    files.extend(others.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "toml")));
    for below in folders.iter().filter(|path| path.file_name().is_some_and(|name| name != CLUSTERS)) {
        if depth > 0 {
            collect(below, depth - 1, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_found_in_folders_too_but_not_among_the_clusters_files() {
        let ground = tempfile::tempdir().unwrap();
        for path in ["b.toml", "a.toml", "a.md", "faults/c.toml", "clusters/x/cluster.toml"] {
            let path = ground.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = files_below(ground.path()).unwrap();
        let found: Vec<_> = found.iter().map(|path| path.strip_prefix(ground.path()).unwrap()).collect();
        assert_eq!(found, ["a.toml", "b.toml", "faults/c.toml"].map(Path::new));
    }
}
