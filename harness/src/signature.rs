//! What makes two failures the same: the same verdict for the same reason.
//!
//! A [`Signature`] says which checker failed, on which capability, on what kind of claim, and why; it says
//! nothing of moments, counts or the names of nodes and APIs. So one root cause gives one signature in every
//! run that meets it. Exploration counts findings by it, and whoever shrinks a plan asks whether the smaller
//! plan still fails with it.
//!
//! The reason is the [cause](Verdict::cause) that the checker saw. Where it saw none, what it said of the run
//! stands for it, without everything that differs from run to run.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::capability::Capability;
use crate::expectation;
use crate::jobs::Panicked;
use crate::report::Report;
use crate::verdict::{Status, Verdict};

/// The name that stands for a checker where a run did not come to its end because of a bug of this program.
pub const PROGRAM: &str = "program";

/// What one failure has in common with others of the same root cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signature {
    /// The checker that failed; [`PROGRAM`] for a panic.
    pub checker: Arc<str>,
    /// The capability that it is about, if it is about one.
    pub capability: Option<Capability>,
    /// The form of the claim: the plainest sentence of its kind without names and figures, or the checker's
    /// own invariant.
    pub claim: Arc<str>,
    /// Why it failed, without names, moments and counts.
    pub cause: Arc<str>,
}

impl Signature {
    /// The signature of a verdict that failed; none of any other.
    pub fn of(verdict: &Verdict) -> Option<Self> {
        (verdict.status == Status::Fail).then(|| Self {
            checker: verdict.checker.clone(),
            capability: verdict.capability,
            claim: claim_form(&verdict.claim),
            cause: if verdict.cause.is_empty() {
                plain(&verdict.summary).into()
            } else {
                verdict.cause.clone()
            },
        })
    }

    /// The signatures of all verdicts of a run that failed.
    pub fn all(report: &Report) -> BTreeSet<Self> {
        report.verdicts.iter().filter_map(Self::of).collect()
    }

    /// The signature of a run that a bug of this program ended.
    pub fn of_panic(panic: &Panicked) -> Self {
        Self {
            checker: PROGRAM.into(),
            capability: None,
            claim: "a run comes to its end".into(),
            cause: plain(&panic.0).into(),
        }
    }

    /// A short name for files: sixteen hexadecimal digits, the same for equal signatures.
    pub fn id(&self) -> String {
        let capability = self.capability.map_or("", Capability::name);
        let text = [&*self.checker, capability, &*self.claim, &*self.cause].join("\n");
        format!("{:016x}", xxh3_64(text.as_bytes()))
    }
}

/// As a person reads it: `durability: no acknowledged publish is lost: publish lost in queue`.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.checker, self.claim, self.cause)
    }
}

/// The form of a claim: sentences that say the same of other names and with other figures have the same.
pub(crate) fn claim_form(text: &str) -> Arc<str> {
    match expectation::understand(text) {
        Ok(claim) => claim.form().into(),
        // The checker's own invariant: it has no figures; names that it has go.
        Err(_) => plain(text).into(),
    }
}

/// A text without what differs from run to run: every word that holds a digit becomes `#`, and what follows
/// `such as` is left out. The status of an answer stays, for it says why: `HTTP 404`.
pub fn plain(text: &str) -> String {
    let text = text.split(", such as ").next().unwrap_or_default();
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let is_status = words.last() == Some(&"HTTP");
        let kept = match !is_status && word.chars().any(|letter| letter.is_ascii_digit()) {
            true => "#",
            false => word,
        };
        if kept != "#" || words.last() != Some(&"#") {
            words.push(kept);
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(claim: &str, summary: &str, cause: &str) -> Verdict {
        Verdict {
            checker: "durability".into(),
            capability: Some(Capability::Publish),
            claim: claim.to_owned(),
            status: Status::Fail,
            summary: summary.to_owned(),
            cause: cause.into(),
            evidence: vec![7],
        }
    }

    fn signature(claim: &str, summary: &str, cause: &str) -> Signature {
        Signature::of(&failed(claim, summary, cause)).expect("it failed")
    }

    #[test]
    fn one_root_cause_has_one_signature_whatever_the_names_and_figures_are() {
        let one =
            signature("at most 2 acknowledged publishes are lost", "4 lost: pizza-1 r7", "lost in queue");
        let other =
            signature("at most 3 acknowledged publishes are lost", "9 lost: orders r2", "lost in queue");
        assert_eq!(one, other);
        assert_eq!(one.id(), other.id());
    }

    #[test]
    fn another_cause_or_another_claim_is_another_failure() {
        let one = signature("no acknowledged publish is lost", "1 lost", "lost in queue");
        let cause = signature("no acknowledged publish is lost", "1 lost", "could not be written");
        let claim = signature("traffic is never lost", "1 lost", "lost in queue");
        assert!(one != cause && one != claim && cause != claim);
        assert!(one.id() != cause.id() && one.id() != claim.id());
    }

    #[test]
    fn where_a_checker_saw_no_cause_what_it_said_stands_for_it() {
        let one = signature("x", "different: 3 files on worker1, such as a/b.xml", "");
        let other = signature("x", "different: 12 files on worker2, such as c.xml", "");
        assert_eq!(one, other);
        assert_eq!(&*one.cause, "different: # files on #");
    }

    #[test]
    fn the_status_of_an_answer_is_a_reason_and_other_figures_are_none() {
        assert_eq!(plain("HTTP 404 to 12 of 80 calls"), "HTTP 404 to # of # calls");
    }

    #[test]
    fn what_did_not_fail_has_no_signature() {
        for status in [Status::Pass, Status::Unknown] {
            assert_eq!(Signature::of(&Verdict { status, ..failed("x", "y", "") }), None);
        }
    }

    #[test]
    fn a_panic_of_the_program_is_a_failure_of_its_own() {
        let one = Signature::of_panic(&Panicked("index 7 is out of bounds".to_owned()));
        assert_eq!(one, Signature::of_panic(&Panicked("index 9 is out of bounds".to_owned())));
        assert_eq!(&*one.checker, PROGRAM);
    }
}
