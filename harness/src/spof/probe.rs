//! The run that shows what is gone while something is away: a steady workload for every capability, and one absence
//! in its middle.

use std::time::Duration;

use crate::cluster::ClusterMaker;
use crate::cluster_files::ClusterFiles;
use crate::component::Component;
use crate::finding::Findings;
use crate::plan::{Fault, Plan, Start};
use crate::scenario::Scenario;
use crate::time::{SimTime, show_span};

/// The cluster starts, and the first sync has run.
const WARMUP: Duration = Duration::from_secs(120);
/// Everything is there, and seen to work, for at least this long before the absence.
const BEFORE: Duration = Duration::from_secs(60);
/// Within this much more the absence begins: the interval of the documented cron line.
const MINUTE: Duration = Duration::from_secs(60);
/// After the return, publishing goes on for this long.
const HEAL: Duration = Duration::from_secs(240);
/// What was published last is carried and scanned in this time.
const SETTLE: Duration = Duration::from_secs(180);
/// From one publish to the next. Each is of an API of its own, so that none that is lost is covered by a later one.
/// Workers deploy an artifact in 2 s and an API is several: more often, and they would fall behind by themselves.
const PUBLISH_EVERY: Duration = Duration::from_secs(15);
/// The first publish after the end of warm-up. By default the second of three absences then begins 2 s after a
/// publish: while it is still in the manager's queue.
const PUBLISH_FIRST: Duration = Duration::from_secs(13);

/// When something was away in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Absence {
    pub(super) from: SimTime,
    pub(super) to: SimTime,
}

/// The plans of one cluster's probes.
#[derive(Debug)]
pub(super) struct Probe {
    base: Plan,
    away: Duration,
    moments: u32,
}

impl Probe {
    pub(super) fn new(
        files: &ClusterFiles,
        maker: &dyn ClusterMaker,
        seed: u64,
        away: Duration,
        moments: u32,
    ) -> Result<Self, Findings> {
        let disturb = BEFORE + MINUTE + away;
        let published = (disturb + HEAL).as_secs() / PUBLISH_EVERY.as_secs() + 1;
        let width = published.to_string().len();
        // In order of their names as in order of time: what is lost first is named first.
        let apis: Vec<String> = (0..published).map(|number| format!("published-{number:0width$}")).collect();
        let called = ["api-1", "api-2", apis[0].as_str()];
        let texts = |names: &[&str]| -> toml::Value {
            names.iter().map(|&name| toml::Value::from(name)).collect::<Vec<_>>().into()
        };
        let all: Vec<&str> = apis.iter().map(String::as_str).collect();
        let scenario = Scenario::builder("spof", "What is gone while something is away.")
            .cluster_files(files.clone())
            .phase("warmup", &show_span(WARMUP))
            .phase("disturb", &show_span(disturb))
            .phase("heal", &show_span(HEAL))
            .phase("settle", &show_span(SETTLE))
            .workload("calls", [("rate", "2/s".into()), ("apis", texts(&called))])
            .workload(
                "publish",
                [
                    ("every", show_span(PUBLISH_EVERY).into()),
                    ("first", show_span(PUBLISH_FIRST).into()),
                    ("apis", texts(&all)),
                    ("timeout", "30s".into()),
                ],
            )
            .workload("administer", [("every", "5s".into()), ("timeout", "30s".into())])
            .expect("traffic is never lost")
            .expect("publishing is never lost")
            .expect("sync is never lost")
            .expect("administration is never lost")
            .expect("no acknowledged publish is lost")
            .build()?;
        Ok(Self { base: scenario.plan(seed, maker)?, away, moments })
    }

    /// The run in which nothing is missing.
    pub(super) fn nothing(&self) -> Plan {
        self.base.clone()
    }

    /// In how many moments of a minute an absence begins.
    pub(super) fn moments(&self) -> u32 {
        self.moments
    }

    /// When the absence is that begins in this moment, of [`Probe::moments`].
    pub(super) fn absence(&self, moment: u32) -> Absence {
        // In the middle of equal parts of a minute: never at the moment of cron itself.
        let offset = MINUTE * (2 * moment + 1) / (2 * self.moments);
        let from = self.base.phases.warmup_ends + BEFORE + offset;
        Absence { from, to: from + self.away }
    }

    /// The run in which these are away together.
    pub(super) fn without(&self, components: &[&Component], moment: u32) -> Plan {
        let mut plan = self.base.clone();
        let names: Vec<&str> = components.iter().map(|one| &*one.name).collect();
        plan.scenario = slug(&names).into();
        plan.title = format!("What is gone while {} {} away.", and(&names), are(names.len()));
        let away = components.iter().flat_map(|component| &component.away);
        for (number, (kind, target)) in (1..).zip(away) {
            let start = Start::At { at_ns: self.absence(moment).from };
            let (kind, target) = (kind.clone(), target.clone());
            plan.faults.push(Fault {
                name: format!("away-{number}").into(),
                kind,
                target,
                start,
                lasts: self.away,
                repeats: None,
            });
        }
        plan
    }
}

/// Names as a file's name: letters, digits, points and hyphens.
pub(super) fn slug(names: &[&str]) -> String {
    let plain = |name: &&str| -> String {
        name.chars()
            .map(|c| match c {
                '/' => '_',
                c if c.is_alphanumeric() || c == '.' => c,
                _ => '-',
            })
            .collect()
    };
    names.iter().map(plain).collect::<Vec<_>>().join("+")
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn and(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
