//! What an exploration found, told: one value and its faces, as pure functions of the summary.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CELLS, Finding, Known, Summary};
use crate::plan::{Fault, Start, Target, Timing, WorkloadKind};
use crate::signature::Signature;
use crate::time::show_span;
use crate::trace::mark::{self, MARKS, Mark};

/// The version of the report format.
const SCHEMA_VERSION: u32 = 1;

/// Everything that is said of an exploration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExploreReport {
    /// The version of this format.
    pub schema_version: u32,
    /// The program that ran it.
    pub made_by: String,
    /// The scenario that was explored.
    pub scenario: Arc<str>,
    /// The seeds of its batches, such as `1..17, 19`.
    pub seeds: String,
    /// How many batches there were.
    pub batches: u64,
    /// How many runs.
    pub runs: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The events of all runs.
    pub events: u64,
    /// How much of the map of coverage was reached, of [`CELLS`].
    pub cells: u32,
    /// In how many runs each kind of fault acted.
    pub faults: BTreeMap<Arc<str>, u64>,
    /// In how many runs each mark was left.
    pub marks: BTreeMap<Arc<str>, u64>,
    /// The marks that no run left: what they stand for was not tested.
    pub marks_never_left: Vec<Arc<str>>,
    /// What was found, what is new first, then the most frequent.
    pub findings: Vec<ReportedFinding>,
}

/// One way to fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportedFinding {
    /// The name of its folder, and what it is.
    pub id: String,
    /// What it is.
    pub signature: Signature,
    /// The weakness that it is, if it is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// What is written down about that.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub why: Arc<str>,
    /// In how many runs.
    pub runs: u64,
    /// In how many batches.
    pub batches: u64,
    /// The seed of the first batch that found it.
    pub first_seed: u64,
    /// The run in it, from 0.
    pub first_run: u32,
    /// What the simplest run that shows it is made of, a line a part.
    pub example: Vec<String>,
}

impl ExploreReport {
    /// Tells a summary.
    pub fn new(summary: &Summary, known: &Known) -> Self {
        let mut findings: Vec<ReportedFinding> =
            summary.findings.iter().map(|(signature, finding)| reported(signature, finding, known)).collect();
        findings.sort_by(|one, other| {
            (one.known.is_some(), std::cmp::Reverse(one.runs), &one.signature).cmp(&(
                other.known.is_some(),
                std::cmp::Reverse(other.runs),
                &other.signature,
            ))
        });
        let never = MARKS.iter().filter(|mark| !summary.marks.contains_key(mark.name) && !is_beyond(mark));
        Self {
            schema_version: SCHEMA_VERSION,
            made_by: summary.header.made_by.clone(),
            scenario: summary.header.base.scenario.clone(),
            seeds: ranges(summary.seeds.iter().copied()),
            batches: summary.seeds.len() as u64,
            runs: summary.runs,
            failed: summary.failed,
            events: summary.events,
            cells: summary.cells.count(),
            faults: summary.faults.clone(),
            marks: summary.marks.clone(),
            marks_never_left: never.map(|mark| mark.name.into()).collect(),
            findings,
        }
    }

    /// How many findings are none of the known weaknesses.
    pub fn new_findings(&self) -> usize {
        self.findings.iter().filter(|finding| finding.known.is_none()).count()
    }
}

/// Whether no exploration can reach a mark, so that it says nothing when none has. A folder of artifacts goes only from a
/// manager whose disk is lost or emptied, or that somebody works on by hand: such faults are not drawn, since they deny by
/// definition what must hold (`FaultKind::denies_by_definition`).
fn is_beyond(mark: &Mark) -> bool {
    mark.name == mark::KEPT_WITHOUT_FOLDER
}

fn reported(signature: &Signature, finding: &Finding, known: &Known) -> ReportedFinding {
    let weakness = known.explains(signature);
    ReportedFinding {
        id: signature.id(),
        signature: signature.clone(),
        known: weakness.map(|weakness| weakness.name.clone()),
        why: weakness.map_or("".into(), |weakness| weakness.why.as_str().into()),
        runs: finding.runs,
        batches: finding.batches,
        first_seed: finding.first.0,
        first_run: finding.first.1,
        example: example(finding),
    }
}

/// What the simplest run is made of.
fn example(finding: &Finding) -> Vec<String> {
    let draw = &finding.draw;
    let mut lines: Vec<String> = draw.faults.iter().map(fault).collect();
    if lines.is_empty() {
        lines.push("no fault at all".to_owned());
    }
    lines.extend(timing(&draw.timing));
    let workloads = draw.workloads.iter().map(|workload| {
        let what = match &workload.kind {
            WorkloadKind::Calls { apis } => format!("calls of {} APIs", apis.len()),
            WorkloadKind::Publish { apis, .. } => format!("publishes of {} APIs", apis.len()),
            WorkloadKind::Administer => "console visits".to_owned(),
            WorkloadKind::WriteAttempts { .. } => "attempts to write".to_owned(),
            WorkloadKind::HealthChecks { .. } => "health checks".to_owned(),
        };
        format!("{what} every {}", show_span(workload.every))
    });
    lines.push(match draw.workloads.is_empty() {
        true => "no workload".to_owned(),
        false => workloads.collect::<Vec<_>>().join(", "),
    });
    lines
}

fn fault(fault: &Fault) -> String {
    let on = match &fault.target {
        Target::Process { nodes, process } => format!("of {process} on {}", nodes.join(" and ")),
        Target::Between { a, b } => format!("between {} and {}", a.join(" and "), b.join(" and ")),
        other => format!("of {}", other.nodes().join(" and ")),
    };
    let when = match &fault.start {
        Start::At { at_ns } => format!("at {at_ns}"),
        Start::On { event, node, nth, .. } => {
            let place = node.as_ref().map_or(String::new(), |node| format!(" on {node}"));
            format!("right after `{event}` number {nth}{place}")
        }
    };
    let again = fault.repeats.map_or(String::new(), |repeats| {
        format!(", {} times, once in {}", repeats.times, show_span(repeats.every))
    });
    format!("{} {on} {when}, for {}{again}", fault.kind.name(), show_span(fault.lasts))
}

fn timing(timing: &Timing) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(latency) = timing.latency_ns {
        parts.push(format!("every link takes {}", show_span(std::time::Duration::from_nanos(latency))));
    }
    if !timing.packet_jitter.is_zero() {
        parts.push(format!("packets up to {} more", show_span(timing.packet_jitter)));
    }
    if !timing.wake_up_jitter.is_zero() {
        parts.push(format!("programs wake up to {} late", show_span(timing.wake_up_jitter)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `1..17, 19`: numbers in order, as ranges without their ends, as `--seeds` takes them.
fn ranges(numbers: impl Iterator<Item = u64>) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let told = ranges.into_iter().map(|(first, last)| match last.checked_add(1) {
        _ if first == last => first.to_string(),
        Some(end) => format!("{first}..{end}"),
        None => format!("{first}..={last}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// For programs.
pub fn json(report: &ExploreReport) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report is always JSON");
    text.push('\n');
    text
}

/// For the terminal.
pub fn terminal(report: &ExploreReport) -> String {
    let mut text = format!(
        "{}: {} in {}, {} failed\n",
        report.scenario,
        counted(report.runs, "run"),
        counted(report.batches, "batch"),
        report.failed
    );
    for finding in &report.findings {
        let name = match &finding.known {
            Some(name) => format!("known    {name}"),
            None => "NEW    ".to_owned(),
        };
        let _ = writeln!(text, "\n  {name}  {}", finding.signature);
        let _ = writeln!(
            text,
            "           {}, first with seed {}",
            counted(finding.runs, "run"),
            finding.first_seed
        );
        for line in &finding.example {
            let _ = writeln!(text, "           {line}");
        }
    }
    let known = report.findings.len() - report.new_findings();
    let _ = writeln!(
        text,
        "\n  {} new, {known} known; {} of {CELLS} cells reached",
        report.new_findings(),
        report.cells
    );
    if !report.marks_never_left.is_empty() {
        let _ = writeln!(text, "  never reached: {}", report.marks_never_left.join("; "));
    }
    text
}

/// For people.
pub fn markdown(report: &ExploreReport) -> String {
    let mut text = format!("# What exploring {} found\n\n", report.scenario);
    let _ = writeln!(
        text,
        "{}, seeds {}: {} in {}, of which {} failed; {} new and {} known.\n",
        report.made_by,
        report.seeds,
        counted(report.runs, "run"),
        counted(report.batches, "batch"),
        report.failed,
        counted(report.new_findings() as u64, "finding"),
        report.findings.len() - report.new_findings(),
    );
    if report.batches > 0 && !report.seeds.contains(',') {
        let _ = writeln!(
            text,
            "Remade by `sim explore {} --seeds {}`, to the byte, on any machine.\n",
            report.scenario, report.seeds
        );
    }
    for finding in &report.findings {
        let title = finding.known.as_deref().unwrap_or("New");
        let Signature { claim, cause, checker, .. } = &finding.signature;
        let _ = writeln!(text, "## {title}: {}\n", line(cause));
        if !finding.why.is_empty() {
            let _ = writeln!(text, "{}\n", finding.why.trim());
        }
        let _ = writeln!(text, "- what fails: {} ({checker})", line(claim));
        let _ = writeln!(
            text,
            "- {} in {}; first with seed {}, run {}",
            counted(finding.runs, "run"),
            counted(finding.batches, "batch"),
            finding.first_seed,
            finding.first_run
        );
        let _ = writeln!(text, "- replay: `sim replay findings/{}/plan.json`", finding.id);
        let _ = writeln!(text, "- the simplest run that shows it:");
        for part in &finding.example {
            let _ = writeln!(text, "  - {part}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "## What was reached\n");
    let _ = writeln!(
        text,
        "{} of {CELLS} cells of the map of coverage, in {} events.\n",
        report.cells, report.events
    );
    table(&mut text, "fault", &report.faults);
    table(&mut text, "mark", &report.marks);
    if !report.marks_never_left.is_empty() {
        let _ = writeln!(text, "No run reached:\n");
        for mark in &report.marks_never_left {
            let _ = writeln!(text, "- {mark}");
        }
    }
    text
}

fn table(text: &mut String, what: &str, counts: &BTreeMap<Arc<str>, u64>) {
    if counts.is_empty() {
        return;
    }
    let _ = writeln!(text, "| {what} | runs |\n|---|---:|");
    for (name, runs) in counts {
        let _ = writeln!(text, "| {} | {runs} |", line(name).replace('|', "\\|"));
    }
    text.push('\n');
}

/// A text on one line, without what Markdown would read as markup.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(['<', '>'], "'")
}

fn counted(number: u64, what: &str) -> String {
    match (number, what.strip_suffix("ch")) {
        (1, _) => format!("1 {what}"),
        (_, Some(_)) => format!("{number} {what}es"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_told_as_ranges_that_the_command_takes() {
        assert_eq!(ranges([1, 2, 3, 7, 9, 10].into_iter()), "1..4, 7, 9..11");
        assert_eq!(ranges([u64::MAX - 1, u64::MAX].into_iter()), format!("{}..={}", u64::MAX - 1, u64::MAX));
        assert_eq!(ranges([].into_iter()), "");
    }
}
