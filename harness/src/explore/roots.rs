//! What of a run's failures is the root: one that follows from another is not a finding of its own.

use std::collections::BTreeSet;

use crate::capability::Capability;
use crate::signature::{PROGRAM, Signature};

/// The failures that do not follow from others of the same run.
///
/// What follows from what: when the sync itself is lost at the end, workers differ from the manager and from each
/// other. When a worker's files differ at the end, so does what it serves. When a worker accepts writes, something
/// besides the sync changes its files, and they differ; what else changes them for a moment is undone by the next run of
/// the sync, and explains nothing that differs at the end: only that parts of an API did not fit together until then. A
/// worker that does not serve what the others serve answers calls wrongly, and so do all when what was acknowledged is
/// nowhere. When management is gone at the end, both of what it is there for are. Durability follows from none of them:
/// it asks only gateways that can tell.
pub fn roots(all: &BTreeSet<Signature>) -> BTreeSet<Signature> {
    if let Some(ours) = all.iter().find(|one| *one.checker == *PROGRAM) {
        return BTreeSet::from([ours.clone()]);
    }
    let is_root = |one: &&Signature| !all.iter().any(|other| other != *one && follows(one, other));
    let roots: BTreeSet<Signature> = all.iter().filter(is_root).cloned().collect();
    if roots.is_empty() { all.clone() } else { roots }
}

/// Whether `one` follows from `other`.
fn follows(one: &Signature, other: &Signature) -> bool {
    let checker = |signature: &Signature, name: &str| *signature.checker == *name;
    let lost = |signature: &Signature, capability| {
        checker(signature, "availability") && signature.capability == Some(capability)
    };
    let about_writes = |signature: &Signature| {
        checker(signature, "read-only") && &*signature.claim == "no write is accepted by a worker"
    };
    let same_cause = one.cause == other.cause;
    match (&*one.checker, &*other.checker) {
        ("convergence", "availability") => lost(other, Capability::Sync),
        // Two claims about one state: what is served is what the files say, so the files are the root.
        ("convergence", "convergence") => rank(one) > rank(other),
        ("read-only", "read-only") => !about_writes(one) && about_writes(other),
        ("convergence", "read-only") => about_writes(other) || one.claim.contains("torn snapshot"),
        ("availability", "availability") => {
            same_cause && lost(one, Capability::Administer) && lost(other, Capability::Publish)
        }
        // A worker that does not serve what the others do answers calls wrongly.
        ("availability", "convergence") => lost(one, Capability::Serve) && rank(other) > 0,
        // A gateway that does not run is not healthy.
        ("health", "availability") => &*other.claim == "every server serves at the end",
        // Consumers call what was acknowledged; what is nowhere is answered by nobody.
        ("availability", "durability") => lost(one, Capability::Serve),
        _ => false,
    }
}

/// The order of claims about convergence, the root first: files at the end, files soon, what is served.
fn rank(signature: &Signature) -> u8 {
    let files = signature.claim.contains("files") || signature.claim.contains("converge");
    if files { 0 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(checker: &str, capability: Option<Capability>, claim: &str, cause: &str) -> Signature {
        Signature { checker: checker.into(), capability, claim: claim.into(), cause: cause.into() }
    }

    fn rooted(all: &[Signature]) -> Vec<Signature> {
        roots(&all.iter().cloned().collect()).into_iter().collect()
    }

    #[test]
    fn what_follows_from_a_lost_sync_is_no_finding_of_its_own() {
        let sync = signature("availability", Some(Capability::Sync), "sync works at the end", "it hangs");
        let files = signature("convergence", Some(Capability::Sync), "files are equal", "the sync hangs");
        let served = signature("convergence", Some(Capability::Sync), "serves the same", "the sync hangs");
        assert_eq!(rooted(&[files.clone(), served.clone(), sync.clone()]), [sync]);
        assert_eq!(rooted(&[files.clone(), served]), [files]);
    }

    #[test]
    fn calls_that_fail_at_a_worker_that_lacks_an_api_follow_from_that() {
        let claim = "every worker serves the same revisions at the end";
        let served = signature("convergence", Some(Capability::Sync), claim, "artifact skipped at start-up");
        let traffic =
            signature("availability", Some(Capability::Serve), "traffic works at the end", "HTTP #");
        assert_eq!(rooted(&[traffic, served.clone()]), [served]);
    }

    #[test]
    fn calls_of_what_was_acknowledged_and_lost_fail_for_that() {
        let lost = signature("durability", Some(Capability::Publish), "no publish is lost", "in the queue");
        let traffic =
            signature("availability", Some(Capability::Serve), "traffic works at the end", "HTTP #");
        assert_eq!(rooted(&[traffic, lost.clone()]), [lost]);
    }

    #[test]
    fn what_is_independent_stays() {
        let lost = signature("durability", Some(Capability::Publish), "no publish is lost", "in the queue");
        let sync = signature("availability", Some(Capability::Sync), "sync works at the end", "it hangs");
        assert_eq!(rooted(&[lost, sync]).len(), 2);
    }

    #[test]
    fn a_file_that_differs_at_the_end_does_not_follow_from_one_that_was_changed_for_a_moment() {
        let files = signature("convergence", Some(Capability::Sync), "files are equal", "restored again");
        let changed = signature("read-only", None, "only the sync changes a worker", "changed by a gateway");
        assert_eq!(rooted(&[files.clone(), changed.clone()]).len(), 2);
        let torn = signature("convergence", None, "no gateway serves a torn snapshot in the end", "for long");
        assert_eq!(rooted(&[torn, changed.clone()]), [changed]);
        let accepted = signature("read-only", None, "no write is accepted by a worker", "it accepts writes");
        assert_eq!(rooted(&[files, accepted.clone()]), [accepted]);
    }

    #[test]
    fn a_bug_of_the_program_outweighs_everything() {
        let ours = signature(PROGRAM, None, "a run comes to its end", "index out of bounds");
        let lost = signature("durability", Some(Capability::Publish), "no publish is lost", "in the queue");
        assert_eq!(rooted(&[lost, ours.clone()]), [ours]);
    }
}
