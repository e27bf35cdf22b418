//! The report for a person who reads it, perhaps aloud: what was done, what happened, what is claimed.
//!
//! It is committed, so it holds no dates and no paths of a machine.

use super::strip::drawing;
use super::terminal::evidence;
use super::{FaultSpan, Moment, OperationCount, Report, moment};
use crate::time::show_span;
use crate::trace::event::Phase;
use crate::verdict::Status;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let result = match report.status {
        Status::Pass => "passed",
        Status::Fail => "failed",
        Status::Unknown => "unknown",
    };
    let mut text = format!("# {}: {result}\n\n{}\n", line(&report.scenario), line(&report.title));
    section(&mut text, "What was done", done(report));
    section(&mut text, "What happened", happened(report));
    section(&mut text, "Verdicts", verdicts(report));
    section(&mut text, "Timeline", timeline(report));
    if !report.readings.is_empty() {
        section(&mut text, "What is not settled", readings(report));
    }
    if !report.metrics.is_empty() {
        section(&mut text, "Figures", figures(report));
    }
    section(&mut text, "Run it again", again(report));
    text
}

fn section(text: &mut String, title: &str, body: Vec<String>) {
    text.push_str(&format!("\n## {title}\n\n"));
    for line in body {
        text.push_str(&line);
        text.push('\n');
    }
}

fn done(report: &Report) -> Vec<String> {
    let span = moment(report.ends);
    let phases: Vec<_> = (report.phases.iter())
        .map(|phase| format!("{} until {}", phase.phase.name(), moment(phase.to)))
        .collect();
    let mut body = vec![format!("The cluster ran for {span} of simulated time ({}).", phases.join(", "))];
    body.push(String::new());
    for (kind, count) in &report.operations {
        body.push(format!("- {}", operations(kind, *count)));
    }
    if report.operations.is_empty() {
        body.push("- Nobody sent a request.".to_owned());
    }
    for fault in &report.faults {
        body.push(format!("- {}", fault_sentence(fault)));
    }
    if report.faults.is_empty() {
        body.push("- No fault acted.".to_owned());
    }
    body
}

fn operations(kind: &str, count: OperationCount) -> String {
    let (what, good, bad) = match kind {
        "call" => ("Consumers called an API", "answered", "failed"),
        "publish" => ("An API was published", "acknowledged", "failed"),
        "delete" => ("An API was deleted", "acknowledged", "failed"),
        "administer" => ("The console was opened", "answered", "failed"),
        "health" => ("A gateway was asked for its health", "healthy", "not"),
        "write" => ("A write to a worker was tried", "accepted", "refused"),
        other => (other, "ok", "failed"),
    };
    let OperationCount { ok, failed, unknown } = count;
    let times = if count.total() == 1 { "time" } else { "times" };
    let mut text = format!("{what} {} {times}: {ok} {good}, {failed} {bad}", count.total());
    if unknown > 0 {
        text.push_str(&format!(", {unknown} whose connection broke after the request was sent"));
    }
    text + "."
}

fn fault_sentence(fault: &FaultSpan) -> String {
    let FaultSpan { name, kind, nodes, from, to, no_effect } = fault;
    let (from, to, span) = (moment(*from), moment(*to), show_span(to.since(*from)));
    let mut text =
        format!("Fault `{}`: {kind} on {}, from {from} to {to} ({span}).", line(name), nodes.join(", "));
    if let Some(why) = no_effect {
        text.push_str(&format!(" It had no effect: {}.", line(why)));
    }
    text
}

fn happened(report: &Report) -> Vec<String> {
    let mut body = Vec::new();
    for outage in &report.outages {
        let (what, cause) = (outage.capability, line(&outage.cause));
        body.push(format!("- `{what}` was lost from {}: {cause}.", outage.window()));
    }
    if report.outages.is_empty() {
        body.push("- No capability was lost at any time.".to_owned());
    }
    for worker in &report.convergence {
        body.push(format!("- `{}` was {}.", line(&worker.worker), worker.sentence()));
        for path in &worker.divergent {
            body.push(format!("  - differs: `{}`", line(path)));
        }
    }
    body
}

fn verdicts(report: &Report) -> Vec<String> {
    let mut body = vec![
        format!("In all: {}.", report.tally()),
        String::new(),
        "| | checker | claim | what was seen | evidence |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for verdict in &report.verdicts {
        let status = match verdict.status {
            Status::Pass => "pass",
            Status::Fail => "**fail**",
            Status::Unknown => "unknown",
        };
        let proof = if verdict.evidence.is_empty() { String::new() } else { evidence(&verdict.evidence) };
        let (claim, summary) = (cell(&verdict.claim), cell(&verdict.summary));
        body.push(format!("| {status} | {} | {claim} | {summary} | {proof} |", cell(&verdict.checker)));
    }
    body
}

fn timeline(report: &Report) -> Vec<String> {
    let mut body = vec!["```text".to_owned()];
    body.extend(drawing(report).lines().map(|row| row.trim_end().to_owned()));
    body.push("```".to_owned());
    if !report.timeline.is_empty() {
        body.push(String::new());
        body.push("`=` a phase, `#` a fault acting, `x` a capability gone.".to_owned());
        body.push(String::new());
        body.push("| time | where | what | event |".to_owned());
        body.push("|---|---|---|---|".to_owned());
    }
    for moment in &report.timeline {
        let node = moment.node.as_deref().map(cell).unwrap_or_default();
        let event = moment.event.map_or(String::new(), |id| id.to_string());
        body.push(format!("| {} | {node} | {} | {event} |", moment.at, cell(&moment_text(moment))));
    }
    body
}

/// What happened, and how often.
pub(super) fn moment_text(moment: &Moment) -> String {
    match moment.times {
        1 => moment.what.clone(),
        times => format!("{} ({times} times until {})", moment.what, moment.last),
    }
}

fn readings(report: &Report) -> Vec<String> {
    let mut body = vec!["Neither the documentation nor the source settles:".to_owned(), String::new()];
    for reading in &report.readings {
        body.push(format!("- {}.", title(&line(&reading.question))));
        body.push(format!("  - This run took `{}`: {}.", line(&reading.reading), line(&reading.gives)));
        body.push(format!("  - By `{}`: {}.", line(&reading.other), line(&reading.other_gives)));
    }
    body
}

fn figures(report: &Report) -> Vec<String> {
    let mut body = vec!["| figure | value |".to_owned(), "|---|---:|".to_owned()];
    for (name, value) in &report.metrics {
        body.push(format!("| {} | {value} |", cell(name)));
    }
    body
}

fn again(report: &Report) -> Vec<String> {
    vec![
        format!(
            "Seed {}, plan `{}`, trace `{}` ({} events).",
            report.seed, report.plan_fingerprint, report.trace_fingerprint, report.events
        ),
        String::new(),
        "```sh".to_owned(),
        format!("sim run {} --seed {}", line(&report.scenario), report.seed),
        format!("{}   # from the plan that the run stored beside this report", report.replay),
        "```".to_owned(),
    ]
}

impl Phase {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Warmup => "warm-up",
            Phase::Disturb => "disturb",
            Phase::Heal => "heal",
            Phase::Settle => "settle",
        }
    }
}

/// With its first letter large.
fn title(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Text from a file on one line.
fn line(text: &str) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").replace('<', "&lt;")
}

/// Text from a file in a table's cell.
fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}
