//! A cluster's files, as text: what its operator has, read once and carried in every plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The text files below one folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFiles {
    /// The folder, as shown to the user.
    pub root: String,
    /// Path below the folder (with `/`) to text.
    pub files: BTreeMap<String, String>,
}
