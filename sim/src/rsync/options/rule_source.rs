//! Where the command line's filter rules come from.

use serde::{Deserialize, Serialize};

use crate::rsync::filter::{Reading, RuleError, RuleList};

/// Where filter rules come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleSource {
    /// A rule as `--filter` takes it; merge rules name files that the client reads.
    Rule {
        /// The rule.
        text: Vec<u8>,
        /// `-0` stood before it: lines of the files that it names end with NUL bytes.
        nul: bool,
    },
    /// A pattern of `--exclude`, or of `--include`.
    Pattern {
        /// The pattern, perhaps with `+ ` or `- ` before it.
        text: Vec<u8>,
        /// What it is when it does not say so.
        includes: bool,
    },
    /// A file to be read by the client: `--exclude-from` or `--include-from`.
    File {
        /// Its path, from the client's working folder.
        path: Vec<u8>,
        /// What its lines are when they do not say so.
        includes: bool,
        /// `-0` stood before it: its lines end with NUL bytes.
        nul: bool,
    },
}

impl RuleSource {
    /// A rule that names no file to be read at once.
    pub(in crate::rsync) fn rule(text: impl Into<Vec<u8>>) -> Self {
        RuleSource::Rule { text: text.into(), nul: false }
    }

    /// Adds its rules to a list.
    ///
    /// # Errors
    /// What is wrong with it, or with a file that it names.
    pub(in crate::rsync) fn add_to(
        &self,
        list: &mut RuleList,
        reading: &Reading<'_>,
    ) -> Result<(), RuleError> {
        match self {
            RuleSource::Rule { text, nul } => list.add_rule(text, &Reading { nul: *nul, ..*reading }),
            RuleSource::Pattern { text, includes } => list.add_pattern(text, *includes, reading),
            RuleSource::File { path, includes, nul } => {
                list.add_file(path, *includes, &Reading { nul: *nul, ..*reading })
            }
        }
    }
}
