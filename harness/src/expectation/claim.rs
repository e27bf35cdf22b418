//! What a sentence claims, in types.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::capability::Capability;

/// A share of a whole, in millionths, so that comparing it needs no floating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u32);

impl Share {
    /// `part` of `whole`, rounded down; nothing when there is no whole.
    pub fn of(part: u64, whole: u64) -> Option<Share> {
        let millionths = (u128::from(part) * 1_000_000).checked_div(u128::from(whole))?;
        Some(Share(u32::try_from(millionths).unwrap_or(u32::MAX)))
    }
}

/// As a percentage without needless digits, such as `99.9 %`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000);
        write!(f, "{} %", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A name in a sentence, and where it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Its bytes in the sentence.
    pub span: Range<usize>,
}

/// What a node is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It may write artifacts.
    Manager,
    /// It serves.
    Worker,
    /// It stands in front.
    Balancer,
    /// It only sends requests.
    Client,
}

impl Role {
    /// The role of this word, in the singular or the plural.
    pub fn of(word: &str) -> Option<Role> {
        Some(match word.to_ascii_lowercase().as_str() {
            "manager" | "managers" => Role::Manager,
            "worker" | "workers" => Role::Worker,
            "balancer" | "balancers" => Role::Balancer,
            "client" | "clients" => Role::Client,
            _ => return None,
        })
    }
}

/// Some node or nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The node of this name; if there is none, all nodes of the role that it names.
    Node(Named),
    /// At least one node of a role.
    Any(Role),
    /// All nodes of a role.
    All(Role),
}

/// While what a claim holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Its machine, or a server on it, is down.
    Down(Who),
    /// The fault acts.
    Fault(Named),
    /// Any fault acts.
    AnyFault,
}

/// Which workers a claim is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workers {
    /// All of them.
    All,
    /// These.
    Named(Vec<Named>),
}

/// Which gateways a claim is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gateways {
    /// Managers and workers.
    All,
    /// All workers.
    Workers,
    /// These; `manager` is any that is called so, or all managers.
    Named(Vec<Named>),
}

/// A publish that may be lost: of an API, or one revision of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostPublish {
    /// The API.
    pub api: String,
    /// The revision; none for any.
    pub revision: Option<u64>,
}

/// What a sentence claims. The first word says which checker judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// At least this share of a capability's operations ended well.
    AvailableAtLeast {
        /// The capability.
        capability: Capability,
        /// The share.
        share: Share,
    },
    /// No outage of a capability was longer; zero: it was never lost.
    OutageAtMost {
        /// The capability.
        capability: Capability,
        /// The longest.
        span: Duration,
    },
    /// Nothing of a capability worked while the condition held, and soon after it did again.
    LostWhile {
        /// The capability.
        capability: Capability,
        /// While what.
        condition: Condition,
        /// How soon after the condition ended it worked again, if that is claimed.
        back_within: Option<Duration>,
    },
    /// A capability worked soon after the last fault had ended.
    BackAfterLastFault {
        /// The capability.
        capability: Capability,
        /// How soon.
        within: Duration,
    },
    /// What the manager had when the last fault ended was on these workers soon after.
    ConvergedWithin {
        /// The workers.
        workers: Workers,
        /// How soon.
        within: Duration,
    },
    /// These workers' files are equal to the manager's at the end.
    ConvergedAtEnd {
        /// The workers.
        workers: Workers,
    },
    /// Each of these workers' files differ from the manager's at the end: what an honest scenario says of damage that
    /// no sync repairs.
    DifferentAtEnd {
        /// The workers.
        workers: Workers,
    },
    /// None of these workers became equal to the manager while the condition held.
    NotConvergingWhile {
        /// The workers.
        workers: Workers,
        /// While what.
        condition: Condition,
    },
    /// None of these workers had a content for longer than this after the manager had replaced it.
    StaleAtMost {
        /// The workers.
        workers: Workers,
        /// The longest.
        span: Duration,
    },
    /// None of these workers deployed a part of what was published together.
    NoTornSnapshot {
        /// The workers.
        workers: Workers,
    },
    /// Each of these workers did: what an honest scenario says of a sync that can do so.
    TornSnapshot {
        /// The workers.
        workers: Workers,
    },
    /// These workers accepted no write.
    NoWriteAccepted {
        /// The workers.
        workers: Workers,
    },
    /// Each of these workers accepted a write: what an honest scenario says of a misconfigured one.
    WriteAccepted {
        /// The workers.
        workers: Workers,
    },
    /// Nothing but the sync changed the files of these workers.
    OnlySyncChanges {
        /// The workers.
        workers: Workers,
    },
    /// Something besides the sync changed the files of each of these workers.
    ChangedBesidesSync {
        /// The workers.
        workers: Workers,
    },
    /// No more acknowledged publishes than this were lost.
    PublishesLostAtMost {
        /// How many.
        count: u64,
    },
    /// No acknowledged publish was lost but these.
    PublishesLostOnly {
        /// These.
        these: Vec<LostPublish>,
    },
    /// The balancer sent no more requests than this to nodes that were down.
    DeadRequestsAtMost {
        /// How many.
        count: u64,
    },
    /// Consumers saw no more errors than this.
    ClientErrorsAtMost {
        /// How many.
        count: u64,
    },
    /// Consumers saw errors for no greater share of their calls.
    ClientErrorShareAtMost {
        /// The share.
        share: Share,
    },
    /// The last answers of these gateways' health endpoints are good.
    HealthyAtEnd {
        /// The gateways.
        gateways: Gateways,
    },
    /// The answers of these gateways' health endpoints are good from soon after the last fault on.
    HealthyWithin {
        /// The gateways.
        gateways: Gateways,
        /// How soon.
        within: Duration,
    },
}

impl Claim {
    /// What kind of claim it is, without its names and figures.
    pub fn form(&self) -> &'static str {
        match self {
            Claim::AvailableAtLeast { .. } => "enough operations end well",
            Claim::OutageAtMost { span, .. } if span.is_zero() => "it is never lost",
            Claim::OutageAtMost { .. } => "no outage is too long",
            Claim::LostWhile { .. } => "it is lost for a time, and soon back",
            Claim::BackAfterLastFault { .. } => "it is soon back after the last fault",
            Claim::ConvergedWithin { .. } => "workers converge soon after the last fault",
            Claim::ConvergedAtEnd { .. } => "workers are converged at the end",
            Claim::DifferentAtEnd { .. } => "workers differ from the manager at the end",
            Claim::NotConvergingWhile { .. } => "nothing converges for a time",
            Claim::StaleAtMost { .. } => "no worker is stale for too long",
            Claim::NoTornSnapshot { .. } => "no worker deploys a torn snapshot",
            Claim::TornSnapshot { .. } => "a worker deploys a torn snapshot",
            Claim::NoWriteAccepted { .. } => "no write is accepted by a worker",
            Claim::WriteAccepted { .. } => "a write is accepted by a worker",
            Claim::OnlySyncChanges { .. } => "only the sync changes a worker",
            Claim::ChangedBesidesSync { .. } => "something besides the sync changes a worker",
            Claim::PublishesLostAtMost { .. } | Claim::PublishesLostOnly { .. } => {
                "no acknowledged publish is lost"
            }
            Claim::DeadRequestsAtMost { .. } => "few requests go to a dead node",
            Claim::ClientErrorsAtMost { .. } | Claim::ClientErrorShareAtMost { .. } => {
                "clients see few errors"
            }
            Claim::HealthyAtEnd { .. } => "gateways are healthy at the end",
            Claim::HealthyWithin { .. } => "gateways are healthy soon after the last fault",
        }
    }

    /// Nodes and faults that the claim names, so that unknown names are found before a run.
    pub fn nodes(&self) -> Vec<&Named> {
        match self {
            Claim::ConvergedWithin { workers, .. }
            | Claim::ConvergedAtEnd { workers }
            | Claim::DifferentAtEnd { workers }
            | Claim::StaleAtMost { workers, .. }
            | Claim::NoTornSnapshot { workers }
            | Claim::TornSnapshot { workers }
            | Claim::NoWriteAccepted { workers }
            | Claim::WriteAccepted { workers }
            | Claim::OnlySyncChanges { workers }
            | Claim::ChangedBesidesSync { workers } => workers.names(),
            Claim::NotConvergingWhile { workers, condition } => {
                workers.names().into_iter().chain(condition.node()).collect()
            }
            Claim::LostWhile { condition, .. } => condition.node().into_iter().collect(),
            Claim::HealthyAtEnd { .. } | Claim::HealthyWithin { .. } => self.gateways(),
            _ => Vec::new(),
        }
    }

    /// Those of them that must be gateways.
    pub fn gateways(&self) -> Vec<&Named> {
        match self {
            Claim::HealthyAtEnd { gateways: Gateways::Named(names) }
            | Claim::HealthyWithin { gateways: Gateways::Named(names), .. } => names.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the nodes that the claim names before its condition must be workers.
    pub fn workers(&self) -> Vec<&Named> {
        match self {
            Claim::NotConvergingWhile { workers, .. } => workers.names(),
            Claim::LostWhile { .. } | Claim::HealthyAtEnd { .. } | Claim::HealthyWithin { .. } => Vec::new(),
            _ => self.nodes(),
        }
    }

    /// While what the claim holds, if it is about a time.
    pub fn condition(&self) -> Option<&Condition> {
        match self {
            Claim::LostWhile { condition, .. } | Claim::NotConvergingWhile { condition, .. } => {
                Some(condition)
            }
            _ => None,
        }
    }

    /// The fault that the claim names, if it names one.
    pub fn fault(&self) -> Option<&Named> {
        match self.condition()? {
            Condition::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

impl Workers {
    fn names(&self) -> Vec<&Named> {
        match self {
            Workers::All => Vec::new(),
            Workers::Named(names) => names.iter().collect(),
        }
    }
}

impl Condition {
    fn node(&self) -> Option<&Named> {
        match self {
            Condition::Down(Who::Node(named)) => Some(named),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_shown_without_needless_digits() {
        assert_eq!(Share(999_000).to_string(), "99.9 %");
        assert_eq!(Share(1_000_000).to_string(), "100 %");
        assert_eq!(Share(5).to_string(), "0.0005 %");
    }

    #[test]
    fn a_share_of_nothing_is_none_and_a_share_is_rounded_down() {
        assert_eq!(Share::of(1, 0), None);
        assert_eq!(Share::of(2, 3), Some(Share(666_666)));
    }
}
