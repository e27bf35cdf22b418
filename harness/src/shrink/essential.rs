//! What is essential in a shrunk plan, in remarks: what was tried last and made the failure go.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Aspect, Ended, Instead, Shrunk, Step, Subject};
use crate::scenario::{Place, Remarks};
use crate::time::show_span;
use crate::trace::event::Phase;
use crate::verdict::Status;

/// The remarks for the scenario file of a shrunk plan.
pub(super) fn remarks(shrunk: &Shrunk, version: &str) -> Remarks {
    let mut remarks = Remarks::new();
    remarks.insert((Place::Top, String::new()), top(shrunk, version));
    let mut spans: BTreeMap<(Place, String), Vec<Duration>> = BTreeMap::new();
    let mut words: BTreeMap<(Place, String), Vec<String>> = BTreeMap::new();
    for refusal in &shrunk.refusals {
        let Some((place, key)) = place(shrunk, &refusal.step) else { continue };
        match (&refusal.step, &refusal.instead) {
            (Step { subject: Subject::Node(name), .. }, instead) => {
                words.entry((place, key)).or_default().push(format!("{name} stays: {instead}"));
            }
            (Step { aspect: Aspect::Whole, .. }, instead) => {
                remarks.insert((place, key), format!("Essential: without it {}.", told(instead)));
            }
            (Step { span: Some(span), .. }, _) => spans.entry((place, key)).or_default().push(*span),
            (Step { to, .. }, _) => words.entry((place, key)).or_default().push(format!("not {to}")),
        }
    }
    for (place, tried) in spans {
        if let Some(own) = own_span(shrunk, &place) {
            words.entry(place).or_default().extend(nearest(own, &tried));
        }
    }
    for (place, mut said) in words {
        said.dedup();
        // Each node's reason is a sentence of its own.
        let between = if place.0 == Place::Top { "\n" } else { "; " };
        remarks.insert(place, said.join(between));
    }
    remarks
}

fn told(instead: &Instead) -> String {
    match instead {
        Instead::CannotGo(why) => format!("nothing is left to run ({why})"),
        other => other.to_string(),
    }
}

fn top(shrunk: &Shrunk, version: &str) -> String {
    let mut lines = vec![format!("Fails with {version}:")];
    let verdicts = shrunk.report.iter().flat_map(|report| &report.verdicts);
    for verdict in verdicts.filter(|verdict| verdict.status == Status::Fail) {
        lines.push(format!("{}: {}: {}", verdict.checker, verdict.claim, verdict.summary));
    }
    if shrunk.report.is_none() {
        lines.push(shrunk.signature.to_string());
    }
    if let Some(bug) = &shrunk.plan.planted_bug {
        lines.push(format!("with the planted bug `{bug}`, without which it passes."));
    }
    let runs = shrunk.statistics.runs;
    lines.push(match shrunk.ended {
        Ended::Smallest => format!(
            "Made small in {runs} runs. What stands here is essential: whatever more was taken away, the failure \
             went. `not 2m` says that with 2m it goes."
        ),
        Ended::OutOfRuns | Ended::Stopped => {
            format!("Made smaller in {runs} runs, and not to the end: more might go.")
        }
    });
    lines.join("\n")
}

/// Where the remark stands that tells of a step.
fn place(shrunk: &Shrunk, step: &Step) -> Option<(Place, String)> {
    let plan = &shrunk.plan;
    Some(match &step.subject {
        Subject::Fault(name) => {
            let index = plan.faults.iter().position(|fault| fault.name == *name)?;
            let key = match &step.aspect {
                Aspect::Whole => "",
                Aspect::Start => match plan.faults[index].start {
                    crate::plan::Start::At { .. } => "from",
                    crate::plan::Start::On { .. } => "when",
                },
                Aspect::Length => "for",
                Aspect::Target => match plan.faults[index].target {
                    crate::plan::Target::Between { .. } => "between",
                    _ => "node",
                },
                Aspect::Figure(field) => key_of(field),
                Aspect::Rate => "every",
                Aspect::End | Aspect::Seed => return None,
            };
            (Place::Fault(index), key.to_owned())
        }
        Subject::Workload(index) => {
            let key = match &step.aspect {
                Aspect::Whole => "",
                Aspect::Start => "first",
                Aspect::End => "until",
                Aspect::Rate => "every",
                Aspect::Target => "apis",
                Aspect::Figure(field) => field,
                Aspect::Length | Aspect::Seed => return None,
            };
            (Place::Workload(*index), key.to_owned())
        }
        Subject::Phase(phase) => {
            let key = match phase {
                Phase::Warmup => "warmup",
                Phase::Disturb => "disturb",
                Phase::Heal => "heal",
                Phase::Settle => "settle",
            };
            (Place::Phases, key.to_owned())
        }
        Subject::Content => {
            let key = if let Aspect::Figure(key) = &step.aspect { key.as_str() } else { "" };
            (Place::Content, key.to_owned())
        }
        Subject::Timing => {
            let key = if let Aspect::Figure(key) = &step.aspect { key.as_str() } else { "" };
            (Place::Timing, key.to_owned())
        }
        Subject::Node(_) => (Place::Top, "cluster".to_owned()),
        Subject::Plan => (Place::Top, "seed".to_owned()),
        Subject::Expectation(_) => return None,
    })
}

/// The scenario's key for a field of a fault: the field without its unit.
fn key_of(field: &str) -> &str {
    ["_ns", "_bytes_per_s", "_bytes", "_ppm", "_percent"]
        .iter()
        .find_map(|unit| field.strip_suffix(unit))
        .unwrap_or(field)
}

/// The span that the plan has there.
fn own_span(shrunk: &Shrunk, (place, key): &(Place, String)) -> Option<Duration> {
    use crate::plan::Start;
    let (plan, begins) = (&shrunk.plan, shrunk.plan.phases.warmup_ends);
    match (place, key.as_str()) {
        (Place::Fault(index), "from") => match plan.faults[*index].start {
            Start::At { at_ns } => Some(at_ns.since(begins)),
            Start::On { .. } => None,
        },
        (Place::Fault(index), "for") => Some(plan.faults[*index].lasts),
        (Place::Fault(index), "every") => plan.faults[*index].repeats.map(|repeats| repeats.every),
        (Place::Workload(index), "first") => Some(plan.workloads[*index].first.since(begins)),
        (Place::Workload(index), "every") => Some(plan.workloads[*index].every),
        (Place::Workload(index), "until") => Some(plan.workloads[*index].until.since(begins)),
        (Place::Workload(index), "timeout") => Some(plan.workloads[*index].timeout),
        (Place::Phases, key) => {
            let index = ["warmup", "disturb", "heal", "settle"].iter().position(|name| *name == key)?;
            Some(plan.phases.lengths()[index])
        }
        _ => None,
    }
}

/// The nearest spans on both sides with which the failure went.
fn nearest(own: Duration, tried: &[Duration]) -> Option<String> {
    let below = tried.iter().filter(|span| **span < own).max();
    let above = tried.iter().filter(|span| **span > own).min();
    let said: Vec<String> = below.into_iter().chain(above).map(|span| show_span(*span)).collect();
    (!said.is_empty()).then(|| format!("not {}", said.join(", nor ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_spans_on_both_sides_are_told() {
        let secs = Duration::from_secs;
        let said = nearest(secs(50), &[secs(10), secs(40), secs(60), secs(0), secs(90)]);
        assert_eq!(said.as_deref(), Some("not 40s, nor 1m"));
        assert_eq!(nearest(secs(50), &[secs(60)]).as_deref(), Some("not 1m"));
        assert_eq!(nearest(secs(50), &[]), None);
    }
}
