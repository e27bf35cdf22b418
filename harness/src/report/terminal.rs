//! The report for somebody at a terminal: a verdict a line, then what was gone, how late, and how to replay.

use super::Report;
use crate::time::{SimTime, show_span};
use crate::verdict::Status;

/// How the terminal is.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Whether it shows colours.
    pub colour: bool,
    /// The folder that the report was written to, if it was.
    pub folder: Option<String>,
}

/// The report as lines of text.
pub fn terminal(report: &Report, view: &View) -> String {
    let paint = |code: &str, text: &str| match view.colour {
        true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    let mut lines = Vec::new();
    lines.push(format!("{}, seed {}", paint("1", &plain(&report.scenario)), report.seed));
    lines.push(format!("  {}", plain(&report.title)));
    lines.push(String::new());
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let checker = width(&mut report.verdicts.iter().map(|verdict| verdict.checker.chars().count()));
    for verdict in &report.verdicts {
        let status = match verdict.status {
            Status::Pass => paint("32", "PASS   "),
            Status::Fail => paint("1;31", "FAIL   "),
            Status::Unknown => paint("33", "UNKNOWN"),
        };
        let (name, claim, summary) = (&verdict.checker, plain(&verdict.claim), plain(&verdict.summary));
        let mut line = format!("  {status}  {name:checker$}  {claim}: {summary}");
        if verdict.status != Status::Pass && !verdict.evidence.is_empty() {
            line.push_str(&paint("2", &format!(" [{}]", evidence(&verdict.evidence))));
        }
        lines.push(line);
    }
    if !report.outages.is_empty() {
        lines.push(String::new());
        lines.push("  Outages".to_owned());
        for outage in &report.outages {
            let window = outage.window();
            lines.push(format!("    {:10}  {window}: {}", outage.capability, plain(&outage.cause)));
        }
    }
    if !report.convergence.is_empty() {
        lines.push(String::new());
        lines.push("  Workers".to_owned());
        for worker in &report.convergence {
            lines.push(format!("    {:10}  {}", plain(&worker.worker), worker.sentence()));
        }
    }
    for reading in &report.readings {
        lines.push(String::new());
        lines.push(format!("  Unsettled: {}", plain(&reading.question)));
        lines.push(format!("    this run, by `{}`: {}", plain(&reading.reading), plain(&reading.gives)));
        lines.push(format!("    by `{}`: {}", plain(&reading.other), plain(&reading.other_gives)));
    }
    lines.push(String::new());
    let result = match report.status {
        Status::Pass => paint("32", "passed"),
        Status::Fail => paint("1;31", "FAILED"),
        Status::Unknown => paint("33", "unknown"),
    };
    let simulated = show_span(report.ends.since(SimTime::ZERO));
    lines.push(format!("  {result}: {}; {simulated} simulated, {} events", report.tally(), report.events));
    if let Some(folder) = &view.folder {
        lines.push(format!("  report: {folder}/report.md"));
        lines.push(format!("  replay: sim replay {folder}/plan.json"));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// `event 7` or `events 7, 9`.
pub(super) fn evidence(ids: &[u64]) -> String {
    let shown: Vec<_> = ids.iter().map(u64::to_string).collect();
    format!("event{} {}", if ids.len() == 1 { "" } else { "s" }, shown.join(", "))
}

/// Text that came from a file, without what would control the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_title_cannot_control_the_terminal() {
        assert_eq!(super::plain("a\u{1b}[2Jb\r\nc"), "a [2Jb  c");
    }
}
