//! A shrunk plan as a file that a person can read, keep, and run again.

use std::io;
use std::path::{Path, PathBuf};

use super::{Shrunk, essential};
use crate::cluster::ClusterMaker;
use crate::cluster_files::ClusterFiles;
use crate::plan::Plan;
use crate::report::folder::{WriteError as FileError, put};
use crate::scenario::{Remarks, WriteError, write};

/// The folder of clusters' files, beside or below a folder of scenarios.
const CLUSTERS: &str = "clusters";

/// The smallest scenario that fails in one way.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    name: String,
    plan: Plan,
    remarks: Remarks,
    maker: MakerRef<'a>,
}

#[derive(Clone, Copy)]
struct MakerRef<'a>(&'a dyn ClusterMaker);

impl std::fmt::Debug for MakerRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.version())
    }
}

/// Why a scenario could not be put into a folder.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The plan cannot be said as a scenario.
    #[error(transparent)]
    Unsayable(#[from] WriteError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder of clusters cannot be looked through.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl<'a> Found<'a> {
    /// What was found, with remarks about what is essential in it.
    pub fn of(shrunk: &Shrunk, maker: &'a dyn ClusterMaker) -> Self {
        let plan = shrunk.plan.clone();
        let id = shrunk.signature.id();
        let name = format!("{}-{}", plan.scenario, id.get(..8).unwrap_or(&id));
        Self { name, remarks: essential::remarks(shrunk, &maker.version()), plan, maker: MakerRef(maker) }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Its name: that of the scenario which failed, and the beginning of the signature's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of the scenario's file; `cluster` is the folder of the cluster's files, relative to it.
    ///
    /// # Errors
    /// A plan that no scenario gives.
    pub fn text(&self, cluster: &str) -> Result<String, WriteError> {
        write(&self.plan, cluster, &self.remarks, self.maker.0)
    }

    /// Writes the scenario into `folder`, which is made when it is missing, and gives its file. Where no cluster
    /// beside it has the same files, they are written below `folder`, too.
    ///
    /// # Errors
    /// A plan that no scenario gives; a file that cannot be written.
    pub fn put(&self, folder: &Path) -> Result<PathBuf, PutError> {
        let (cluster, known) = match self.known_cluster(folder)? {
            Some(known) => (known, true),
            None => (format!("{CLUSTERS}/{}", self.name), false),
        };
        let text = self.text(&cluster)?;
        if !known {
            self.plan.cluster.write(&folder.join(&cluster))?;
        }
        let path = folder.join(format!("{}.toml", self.name));
        put(&path, text.as_bytes())?;
        Ok(path)
    }

    /// A cluster with the same files, as a scenario in this folder would name it.
    fn known_cluster(&self, folder: &Path) -> Result<Option<String>, PutError> {
        // The folder itself may not be there yet: its parent is not looked for through it.
        let places = [("", Some(folder)), ("../", folder.parent())];
        for (above, place) in places {
            let Some(clusters) = place.map(|place| place.join(CLUSTERS)) else { continue };
            let entries = match std::fs::read_dir(&clusters) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(PutError::Read { path: clusters, error }),
            };
            let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            folders.sort();
            let same = folders.iter().find(|path| {
                ClusterFiles::read(path).is_ok_and(|files| files.files == self.plan.cluster.files)
            });
            if let Some(name) = same.and_then(|path| path.file_name()?.to_str()) {
                return Ok(Some(format!("{above}{CLUSTERS}/{name}")));
            }
        }
        Ok(None)
    }
}
