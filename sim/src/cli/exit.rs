//! What the command's exit status says.

use std::process::ExitCode;

use harness::verdict::Status;

/// How a command ended. Ordered so that the worst is the greatest: one that did several things ends as the
/// worst of them did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: every verdict passed, or there was nothing to judge.
    Pass,
    /// 2: no verdict failed, but one is unknown.
    Unknown,
    /// 1: a verdict failed; for `sim diff`: the traces differ; for `sim check`: never.
    Fail,
    /// 65 (EX_DATAERR): a scenario, a plan, a trace or a cluster's file is wrong.
    BadInput,
    /// 64 (EX_USAGE): the command was called in a way that it does not know.
    Usage,
    /// 74 (EX_IOERR): something could not be written.
    CannotWrite,
    /// 130 (128 + SIGINT): the user stopped it.
    Interrupted,
    /// 70 (EX_SOFTWARE): a bug of ours.
    Bug,
}

impl Exit {
    /// The exit status.
    pub fn code(self) -> u8 {
        match self {
            Exit::Pass => 0,
            Exit::Fail => 1,
            Exit::Unknown => 2,
            Exit::Usage => 64,
            Exit::BadInput => 65,
            Exit::Bug => 70,
            Exit::CannotWrite => 74,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<Status> for Exit {
    fn from(status: Status) -> Self {
        match status {
            Status::Pass => Exit::Pass,
            Status::Unknown => Exit::Unknown,
            Status::Fail => Exit::Fail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_verdict_outweighs_an_unknown_one_and_a_bug_of_ours_everything() {
        let all = [Exit::Fail, Exit::Bug, Exit::Unknown, Exit::Interrupted, Exit::Pass];
        assert_eq!(all[..1].iter().chain(&all[2..3]).max(), Some(&Exit::Fail));
        assert_eq!(all.iter().max(), Some(&Exit::Bug));
    }
}
