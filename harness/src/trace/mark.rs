//! Marks: things worth reaching that a cluster tells the trace of when they happen.
//!
//! A run is not judged by them. Exploration is guided by them (a plan that reaches what no plan has reached
//! before is worth changing further) and says at its end which were never reached: what was not reached was not
//! tested. A checker that finds something lost takes the mark that explains it for the cause.

use std::fmt;

/// What a mark can explain when something is found to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explains {
    /// Nothing by itself.
    Nothing,
    /// An acknowledged publish is lost.
    LostPublish,
    /// A gateway serves something else than its files say.
    Serving,
    /// A worker's files differ from the manager's though the sync runs.
    Files,
}

/// A mark that clusters are known to leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its text in a trace.
    pub name: &'static str,
    /// What it can explain.
    pub explains: Explains,
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Declares each mark once: its constant, its text, what it explains.
macro_rules! marks {
    ($($(#[doc = $doc:literal])* $constant:ident = $name:literal explains $explains:ident;)*) => {
        $($(#[doc = $doc])* pub const $constant: &str = $name;)*

        /// All marks, in the order in which reports list them. A cluster may leave others: they guide
        /// exploration as well, but nobody misses them.
        pub const MARKS: &[Mark] = &[$(Mark { name: $name, explains: Explains::$explains },)*];
    };
}

marks! {
    /// A set of artifacts of several revisions was deployed, with no update under way that would end it.
    TORN_DEPLOYED = "torn snapshot deployed" explains Nothing;
    /// A call was answered by such a set.
    TORN_SERVED = "torn snapshot served" explains Nothing;
    /// A call was answered while an update had changed some parts of its API and not yet others.
    SERVED_WHILE_UPDATING = "mixed revisions served during an update" explains Nothing;
    /// A call found no API and no main sequence of the installation: it was dropped, with 202.
    DROPPED = "call dropped without a main sequence" explains Nothing;
    /// A call met an API of which a sequence or an endpoint is missing.
    INCOMPLETE_SERVED = "incomplete API called" explains Nothing;
    /// An artifact arrived while the server started, and is now known but not deployed.
    SKIPPED_AT_START_UP = "artifact skipped at start-up" explains Serving;
    /// An artifact that is in service was written back over a file that could not be deployed, or was gone.
    RESTORED = "artifact written back over its file" explains Nothing;
    /// Calls have met an API whose parts do not fit together for longer than two runs of the sync and a scan.
    TORN_FOR_LONG = "torn snapshot served for long" explains Nothing;
    /// What was done to a file was undone again and again: a bad update, or the removal of a sequence that stays.
    RESTORE_LOOP = "artifact restored again" explains Files;
    /// A process ended with publishes in its queue that it had acknowledged and not written.
    LOST_IN_QUEUE = "publish lost in queue" explains LostPublish;
    /// An artifact could not be written; nobody but the log knows.
    PERSISTENCE_FAILED = "persistence failed" explains LostPublish;
    /// A file is gone with its folder, and what it held is served on.
    KEPT_WITHOUT_FOLDER = "artifact kept because its folder is gone" explains Serving;
    /// The sync script did not get its lock.
    LOCK_HELD = "sync lock was held by another run" explains Nothing;
    /// A run of the script removed the lock of another one that still runs: the next one runs beside it.
    LOCK_STOLEN = "sync lock stolen from a run that still works" explains Nothing;
    /// Two runs of rsync were at work on one worker at once.
    RSYNCS_OVERLAP = "two rsyncs to one worker at once" explains Nothing;
    /// A transfer broke before it was complete.
    TRANSFER_BROKE = "transfer broke half-way" explains Nothing;
    /// The balancer passed a request on to another server.
    PASSED_ON = "request passed on to another server" explains Nothing;
    /// The balancer tried a server again after its mark had ended.
    TRIED_AGAIN = "server tried again after its mark" explains Nothing;
    /// A power loss took files that had been written.
    POWER_LOSS_UNDID = "power loss undid what was written" explains Nothing;
}

/// The known mark of this text.
pub fn named(name: &str) -> Option<&'static Mark> {
    MARKS.iter().find(|mark| mark.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_has_a_text_of_its_own() {
        for mark in MARKS {
            assert_eq!(named(mark.name), Some(mark));
            assert_eq!(MARKS.iter().filter(|other| other.name == mark.name).count(), 1, "{mark:?}");
        }
    }
}
