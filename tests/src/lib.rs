//! What the tests in this package's `tests/` folder share: where the repository is, and how the command is
//! called.

pub mod hunt;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The library user's example in the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package stands in the repository").to_owned()
}

/// The files of the committed scenarios, in order.
pub fn scenario_files() -> Vec<PathBuf> {
    harness::scenario::files_below(&root().join("scenarios")).expect("the repository has scenarios")
}

/// What a call of the command gave.
#[derive(Debug)]
pub struct Called {
    /// Its exit status; -1 when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The command `program` in the repository's root, in an environment that does not depend on the caller's.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).env_remove("RUST_LOG").env_remove("NO_COLOR").env_remove("RUST_BACKTRACE");
    command
}
