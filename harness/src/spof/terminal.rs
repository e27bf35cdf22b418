//! The analysis for somebody at a terminal: a table a capability.

use std::time::Duration;

use super::{Analysis, Cut, told};
use crate::capability::Capability;
use crate::time::show_span;

/// The analysis as lines of text. `folder` is where its files were written to, if they were.
pub fn terminal(analysis: &Analysis, folder: Option<&str>) -> String {
    let mut lines = vec![heading(analysis), String::new()];
    lines.extend(alike(analysis));
    for none in &analysis.not_there {
        lines.push(format!("  {} is not there: {}", none.capability, none.why));
    }
    for capability in Capability::ALL {
        if analysis.not_there.iter().any(|none| none.capability == capability) {
            continue;
        }
        lines.push(String::new());
        let cuts: Vec<&Cut> = analysis.cuts_of(capability).collect();
        if cuts.is_empty() {
            lines.push(format!("  {capability}: nothing that was taken away cuts or disturbs it"));
            continue;
        }
        let mut rows = vec![
            [capability.name(), "gone", "failed", "by itself", "all well", "lost", "replay"]
                .map(str::to_owned)
                .to_vec(),
        ];
        let (whole, part): (Vec<&Cut>, Vec<&Cut>) = cuts.into_iter().partition(|cut| cut.entirely);
        rows.extend(whole.into_iter().map(|cut| row(cut, folder)));
        if !part.is_empty() {
            rows.push(vec![format!("{capability}, in part")]);
            rows.extend(part.into_iter().map(|cut| row(cut, folder)));
        }
        lines.extend(table(&rows));
    }
    lines.extend(losses(analysis, folder));
    lines.push(String::new());
    lines.extend(harmless(analysis));
    lines.push(format!("  {}", counted(analysis)));
    lines.push(String::new());
    lines.join("\n")
}

fn heading(analysis: &Analysis) -> String {
    let together = match analysis.order {
        1 => "each away alone".to_owned(),
        order => format!("up to {order} away together"),
    };
    let away = show_span(Duration::from_millis(analysis.away_ms));
    let (cluster, count) = (&analysis.cluster, analysis.components.len());
    let moments = match analysis.moments {
        1 => "from one moment of a minute on".to_owned(),
        moments => format!("from {moments} moments of a minute on"),
    };
    format!("{cluster}: {count} components, {together}, for {away}, {moments}")
}

fn alike(analysis: &Analysis) -> Vec<String> {
    let mut lines = Vec::new();
    for group in &analysis.alike {
        let names: Vec<&str> = group.nodes.iter().map(String::as_str).collect();
        lines.push(format!("  {} are alike: {}", super::probe::and(&names), group.proof));
        lines.extend(group.except.iter().map(|except| format!("    except: {except}")));
    }
    lines.extend(analysis.unlike.iter().map(|pair| format!("  {pair}")));
    lines
}

/// One cut set: what was away, how long the capability was gone, and so on.
pub(super) fn row(cut: &Cut, folder: Option<&str>) -> Vec<String> {
    let span = |ms| show_span(rounded(ms));
    vec![
        format!("  {}{}", told(&cut.components), also(&cut.also)),
        span(cut.gone_ms),
        match (cut.entirely, cut.failed == cut.of) {
            (true, true) => "all".to_owned(),
            _ => format!("{} of {}", cut.failed, cut.of),
        },
        match (cut.back_by_itself, cut.back_ms) {
            (true, Some(back)) => format!("after {}", span(back)),
            _ => "no".to_owned(),
        },
        match cut.recovery_ms {
            None => "never".to_owned(),
            Some(0) => "at once".to_owned(),
            Some(ms) => format!("{} after", span(ms)),
        },
        match cut.publishes_lost {
            0 => "-".to_owned(),
            publishes => format!("{publishes} published"),
        },
        replay(&cut.plan, folder),
    ]
}

/// To a tenth of a second, from a second on: nobody reads milliseconds of minutes.
fn rounded(ms: u64) -> Duration {
    Duration::from_millis(if ms < 1000 { ms } else { (ms + 50) / 100 * 100 })
}

/// How many other sets are the same.
pub(super) fn also(also: &[Vec<String>]) -> String {
    match also {
        [] => String::new(),
        [one] => format!(" (or {})", told(one)),
        more => format!(" (or {} alike)", more.len()),
    }
}

fn replay(plan: &str, folder: Option<&str>) -> String {
    folder.map_or_else(|| "-".to_owned(), |folder| format!("sim replay {folder}/plans/{plan}"))
}

fn losses(analysis: &Analysis, folder: Option<&str>) -> Vec<String> {
    let mut lines = vec![String::new()];
    if analysis.lost_anyway > 0 {
        let lost = analysis.lost_anyway;
        lines.push(format!("  {lost} acknowledged publishes are lost even when nothing is missing"));
        return lines;
    }
    if analysis.losses.is_empty() {
        lines.push("  No acknowledged publish was lost for good".to_owned());
        return lines;
    }
    let header = ["lost for good", "publishes", "the oldest acknowledged", "replay"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for loss in &analysis.losses {
        rows.push(vec![
            format!("  {}{}", told(&loss.components), also(&loss.also)),
            loss.publishes.to_string(),
            match loss.oldest_ms {
                0 => "while it was away".to_owned(),
                ms => format!("{} before", show_span(rounded(ms))),
            },
            replay(&loss.plan, folder),
        ]);
    }
    lines.extend(table(&rows));
    lines
}

/// Components whose absence alone cuts nothing and loses nothing, and those that could not be taken away.
fn harmless(analysis: &Analysis) -> Vec<String> {
    let harmful = |name: &str| {
        let alone = |set: &[String]| matches!(set, [one] if one == name);
        analysis.cuts.iter().any(|cut| alone(&cut.components))
            || analysis.losses.iter().any(|loss| alone(&loss.components))
    };
    let mut harmless = Vec::new();
    let mut lines = Vec::new();
    for part in &analysis.components {
        let examined = part.examined_as.as_ref().unwrap_or(&part.name);
        match &part.no_effect {
            Some(why) => lines.push(format!("  {} could not be taken away: {why}", part.name)),
            None if !harmful(examined) => harmless.push(part.name.as_str()),
            None => {}
        }
    }
    if !harmless.is_empty() {
        lines.insert(0, format!("  alone, these cut and disturb nothing: {}", harmless.join(", ")));
    }
    lines
}

pub(super) fn counted(analysis: &Analysis) -> String {
    let counts = &analysis.examined;
    let mut text = format!("{} sets examined in {} runs", counts.sets, counts.runs);
    if counts.alike > 0 {
        text.push_str(&format!("; {} more are the same with alike nodes exchanged", counts.alike));
    }
    if counts.implied > 0 {
        text.push_str(&format!("; {} more cannot be minimal", counts.implied));
    }
    if counts.stopped > 0 {
        text.push_str(&format!("; STOPPED: at least {} sets were not examined", counts.stopped));
    }
    text
}

/// Rows as columns, the first row a header.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        format!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
