//! The report as one page that needs nothing beside itself: no script, no font, no picture to fetch.

use super::Report;
use super::markdown::moment_text;
use super::strip::{Shows, strips};
use super::terminal::evidence;
use crate::time::{SimTime, show_span};
use crate::verdict::Status;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c1c1e;background:#fff}\
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{border-bottom:1px solid #d8d8dc;padding:.3rem .6rem;\
text-align:left;vertical-align:top}.pass{color:#14713a}.fail{color:#b3141e;font-weight:600}.unknown{color:#8a5a00}\
code,pre{font-family:ui-monospace,monospace;font-size:.9em}svg{width:100%;height:auto}.num{font-variant-numeric:tabular-nums}";

/// Where the strips begin, in the drawing's own units.
const LEFT: u64 = 170;
const WIDE: u64 = 1000;
const ROW: u64 = 22;

/// The report as an HTML page.
pub fn html(report: &Report) -> String {
    let (name, class) = (escape(&report.scenario), class(report.status));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{name}: {class}</title>\n<style>{STYLE}</style>\n\
         <h1>{name}: <span class=\"{class}\">{class}</span></h1>\n<p>{}</p>\n",
        escape(&report.title)
    );
    page.push_str(&drawing(report));
    page.push_str("<h2>Verdicts</h2>\n<table>\n<tr><th></th><th>checker</th><th>claim</th><th>what was seen</th><th>evidence</th></tr>\n");
    for verdict in &report.verdicts {
        let class = self::class(verdict.status);
        let proof = if verdict.evidence.is_empty() { String::new() } else { evidence(&verdict.evidence) };
        page.push_str(&format!(
            "<tr><td class=\"{class}\">{class}</td><td>{}</td><td>{}</td><td>{}</td><td>{proof}</td></tr>\n",
            escape(&verdict.checker),
            escape(&verdict.claim),
            escape(&verdict.summary)
        ));
    }
    page.push_str("</table>\n");
    if !report.outages.is_empty() {
        page.push_str("<h2>Outages</h2>\n<table>\n");
        for outage in &report.outages {
            let (what, window, cause) = (outage.capability, outage.window(), escape(&outage.cause));
            page.push_str(&format!(
                "<tr><td>{what}</td><td class=\"num\">{window}</td><td>{cause}</td></tr>\n"
            ));
        }
        page.push_str("</table>\n");
    }
    if !report.convergence.is_empty() {
        page.push_str("<h2>Workers</h2>\n<table>\n");
        for worker in &report.convergence {
            let (name, sentence) = (escape(&worker.worker), worker.sentence());
            page.push_str(&format!("<tr><td>{name}</td><td>{sentence}</td></tr>\n"));
        }
        page.push_str("</table>\n");
    }
    page.push_str("<h2>Timeline</h2>\n<table>\n");
    for moment in &report.timeline {
        let (node, what) = (moment.node.as_deref().unwrap_or_default(), moment_text(moment));
        let (at, node, what) = (moment.at, escape(node), escape(&what));
        page.push_str(&format!("<tr><td class=\"num\">{at}</td><td>{node}</td><td>{what}</td></tr>\n"));
    }
    page.push_str("</table>\n");
    if !report.readings.is_empty() {
        page.push_str("<h2>What is not settled</h2>\n<table>\n");
        for reading in &report.readings {
            page.push_str(&format!(
                "<tr><td>{}</td><td>this run, by <code>{}</code>: {}</td><td>by <code>{}</code>: {}</td></tr>\n",
                escape(&reading.question),
                escape(&reading.reading),
                escape(&reading.gives),
                escape(&reading.other),
                escape(&reading.other_gives)
            ));
        }
        page.push_str("</table>\n");
    }
    page.push_str(&format!(
        "<h2>Run it again</h2>\n<p>Seed {}, plan <code>{}</code>, trace <code>{}</code> ({} events).</p>\n\
         <pre>sim run {name} --seed {}\n{}</pre>\n</html>\n",
        report.seed,
        report.plan_fingerprint,
        report.trace_fingerprint,
        report.events,
        report.seed,
        escape(&report.replay)
    ));
    page
}

/// The run as an inline SVG picture.
fn drawing(report: &Report) -> String {
    let rows = strips(report);
    let height = (rows.len() as u64 + 1) * ROW + 8;
    let x = |at: SimTime| {
        let whole = u128::from(report.ends.as_nanos().max(1));
        LEFT + (u128::from(at.as_nanos()) * u128::from(WIDE - LEFT) / whole) as u64
    };
    let end = show_span(report.ends.since(SimTime::ZERO));
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDE} {height}\" role=\"img\" aria-label=\"timeline of the run\" font-size=\"13\">\n\
         <text x=\"{LEFT}\" y=\"14\">0s</text><text x=\"{WIDE}\" y=\"14\" text-anchor=\"end\">{end}</text>\n"
    );
    for (index, row) in rows.into_iter().enumerate() {
        let top = (index as u64 + 1) * ROW;
        let (colour, ground) = match row.shows {
            Shows::Phase => ("#9aa4b2", "#f4f5f7"),
            Shows::Fault => ("#d97706", "#f4f5f7"),
            Shows::Outage => ("#c81e2b", "#dff2e5"),
        };
        svg.push_str(&format!(
            "<text x=\"0\" y=\"{}\">{}</text><rect x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"{ground}\"/>",
            top + 13,
            escape(&row.label),
            WIDE - LEFT,
            ROW - 5
        ));
        for (from, to) in row.marked {
            let (left, right) = (x(from), x(to));
            svg.push_str(&format!(
                "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"{colour}\"><title>{from} to {to}</title></rect>",
                (right - left).max(2),
                ROW - 5
            ));
        }
        svg.push('\n');
    }
    svg + "</svg>\n"
}

fn class(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Unknown => "unknown",
    }
}

/// Text from a file, as text in a page.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
