//! What operators want of a gateway cluster, and lose in an outage.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that a cluster is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Consumers' calls of deployed APIs are answered.
    Serve,
    /// APIs can be created, updated and deleted.
    Publish,
    /// What is published reaches every worker.
    Sync,
    /// The management console answers.
    Administer,
}

impl Capability {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Capability; 4] =
        [Capability::Serve, Capability::Publish, Capability::Sync, Capability::Administer];

    /// Its name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Serve => "serve",
            Capability::Publish => "publish",
            Capability::Sync => "sync",
            Capability::Administer => "administer",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
