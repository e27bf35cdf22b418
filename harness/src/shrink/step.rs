//! What is tried, and what came of it when the failure went.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::finding::Findings;
use crate::trace::NodeName;
use crate::trace::event::Phase;

/// A part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A fault, by its name.
    Fault(Arc<str>),
    /// A workload, by its place in the plan.
    Workload(usize),
    /// An expectation, by its sentence.
    Expectation(String),
    /// A node.
    Node(NodeName),
    /// What stands on the gateways beside the APIs of workloads.
    Content,
    /// How far the timing departs from the cluster's files.
    Timing,
    /// A phase.
    Phase(Phase),
    /// The plan as a whole.
    Plan,
}

/// What of it is changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// All of it goes.
    Whole,
    /// When it begins.
    Start,
    /// How long it lasts.
    Length,
    /// When it ends.
    End,
    /// How often it happens.
    Rate,
    /// What it acts on.
    Target,
    /// A key of its own, such as `latency_ns`.
    Figure(String),
    /// The seed.
    Seed,
}

/// One change that is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is changed.
    pub subject: Subject,
    /// What of it.
    pub aspect: Aspect,
    /// To what, in words that follow the name of the aspect: `30s`, `worker1`; empty when it goes.
    pub to: String,
    /// To what, if that is a span.
    pub span: Option<Duration>,
}

/// What a plan gave that no longer fails as it should.
#[derive(Debug, Clone, PartialEq)]
pub enum Instead {
    /// Every verdict passed.
    Passed,
    /// This verdict no longer fails; others do, or are unknown.
    OtherVerdicts,
    /// It fails without what goes wrong in it, too: that is another failure.
    FailsAnyway,
    /// The plan cannot be run.
    CannotRun(Findings),
    /// A bug of this program ended the run.
    Panicked(String),
    /// The node cannot be taken out of the cluster's files, and why.
    CannotGo(String),
}

/// Something that was tried in vain.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// What was tried.
    pub step: Step,
    /// What it gave.
    pub instead: Instead,
}

impl Step {
    pub(super) fn without(subject: Subject) -> Self {
        Self { subject, aspect: Aspect::Whole, to: String::new(), span: None }
    }

    pub(super) fn to_span(subject: Subject, aspect: Aspect, span: Duration) -> Self {
        Self { subject, aspect, to: crate::time::show_span(span), span: Some(span) }
    }

    pub(super) fn to_words(subject: Subject, aspect: Aspect, to: impl Into<String>) -> Self {
        Self { subject, aspect, to: to.into(), span: None }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Fault(name) => write!(f, "the fault {name}"),
            Subject::Workload(index) => write!(f, "workload {}", index + 1),
            Subject::Expectation(text) => write!(f, "the expectation `{text}`"),
            Subject::Node(name) => write!(f, "the node {name}"),
            Subject::Content => f.write_str("the content"),
            Subject::Timing => f.write_str("the timing"),
            Subject::Phase(Phase::Warmup) => f.write_str("the warm-up phase"),
            Subject::Phase(Phase::Disturb) => f.write_str("the disturb phase"),
            Subject::Phase(Phase::Heal) => f.write_str("the heal phase"),
            Subject::Phase(Phase::Settle) => f.write_str("the settle phase"),
            Subject::Plan => f.write_str("the plan"),
        }
    }
}

/// `without the fault cut-off`, `the fault cut-off: from 2m`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, to) = (&self.subject, &self.to);
        match &self.aspect {
            Aspect::Whole => write!(f, "without {subject}"),
            Aspect::Start => write!(f, "{subject}: from {to}"),
            Aspect::Length => write!(f, "{subject}: for {to}"),
            Aspect::End => write!(f, "{subject}: until {to}"),
            Aspect::Rate => write!(f, "{subject}: every {to}"),
            Aspect::Target => write!(f, "{subject}: on {to}"),
            Aspect::Figure(name) => write!(f, "{subject}: {name} {to}"),
            Aspect::Seed => write!(f, "{subject}: seed {to}"),
        }
    }
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instead::Passed => f.write_str("every verdict passes"),
            Instead::OtherVerdicts => f.write_str("this verdict no longer fails"),
            Instead::FailsAnyway => f.write_str("it fails without any fault, too"),
            Instead::CannotRun(_) => f.write_str("the plan cannot be run"),
            Instead::Panicked(_) => f.write_str("a bug of this program ends the run"),
            Instead::CannotGo(why) => f.write_str(why),
        }
    }
}
