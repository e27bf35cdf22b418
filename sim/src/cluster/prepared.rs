//! A maker for many runs of one cluster: its files are understood once.

use std::sync::Arc;

use harness::cluster::{Cluster, ClusterMaker, Topology};
use harness::cluster_files::ClusterFiles;
use harness::finding::Findings;
use harness::plan::Plan;
use harness::trace::Recorder;

use super::{SimMaker, make, topology_of};
use crate::config::{self, ClusterConfig};

/// Makes clusters of the files that it was prepared for without reading them again; those of other files, as
/// [`SimMaker`] does.
#[derive(Debug, Clone)]
pub struct PreparedMaker {
    files: ClusterFiles,
    config: Arc<ClusterConfig>,
    topology: Topology,
    warnings: Findings,
}

impl PreparedMaker {
    /// Understands a cluster's files.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn of(files: &ClusterFiles) -> Result<Self, Findings> {
        let (config, warnings) = config::load(files)?;
        let topology = topology_of(&config);
        Ok(Self { files: files.clone(), config: Arc::new(config), topology, warnings })
    }

    /// Whether these are the files that it was prepared for. Where they stood does not matter.
    fn is_for(&self, files: &ClusterFiles) -> bool {
        self.files.files == files.files
    }
}

impl ClusterMaker for PreparedMaker {
    fn version(&self) -> String {
        SimMaker.version()
    }

    fn topology(&self, files: &ClusterFiles) -> Result<(Topology, Findings), Findings> {
        match self.is_for(files) {
            true => Ok((self.topology.clone(), self.warnings.clone())),
            false => SimMaker.topology(files),
        }
    }

    fn make(&self, plan: &Plan, recorder: Recorder) -> Result<Box<dyn Cluster>, Findings> {
        match self.is_for(&plan.cluster) {
            true => make(plan, Arc::clone(&self.config), &recorder),
            false => SimMaker.make(plan, recorder),
        }
    }
}
