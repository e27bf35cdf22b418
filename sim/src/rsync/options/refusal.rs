//! Why a command line is not begun, and what rsync prints then.

use crate::rsync::outcome::{SYNTAX, describe};

/// What rsync's usage begins with, and the line of it that says how it is called. The rest of its 195 lines, the options,
/// is left out.
pub const USAGE: [&str; 2] =
    ["rsync  version 3.5.0  protocol version 32", "Usage: rsync [OPTION]... SRC [SRC]... DEST"];

/// Why a command line is not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// rsync itself refuses it, with these lines on standard error and this exit code.
    #[error("{}", lines.join("\n"))]
    Rsync {
        /// What it prints.
        lines: Vec<String>,
        /// Its exit code.
        code: u8,
    },
    /// rsync prints this on standard output and ends well: `--version` and `--help`.
    #[error("{}", lines.join("\n"))]
    Says {
        /// What it prints.
        lines: Vec<String>,
    },
    /// rsync knows the option, the model does not.
    #[error("rsync's option {option} is not modelled")]
    NotModelled {
        /// The option as it was written.
        option: String,
    },
}

impl Refusal {
    pub(super) fn syntax(line: impl Into<String>) -> Self {
        Self::at(line, SYNTAX, "main.c(1886) [client=3.5.0]")
    }

    pub(crate) fn at(line: impl Into<String>, code: u8, place: &str) -> Self {
        let error = format!("rsync error: {} (code {code}) at {place}", describe(code));
        Self::Rsync { lines: vec![line.into(), error], code }
    }

    /// What `--version` prints, and `--help` more of.
    pub(super) fn says(lines: &[&str]) -> Self {
        Self::Says { lines: lines.iter().map(|&line| line.to_owned()).collect() }
    }
}
