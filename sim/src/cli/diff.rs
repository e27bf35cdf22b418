//! `sim diff`: where two stored traces part, and what differs in their verdicts.

use std::path::PathBuf;

use clap::Args;
use harness::report::Report;
use harness::trace::compare::{FieldDifference, Parting, Side, compare};
use harness::trace::{Event, read_trace};

use super::Exit;
use super::judge;
use super::screen::Screen;

/// What to compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A trace, such as reports/healthy/trace.jsonl
    first: PathBuf,
    /// Another
    second: PathBuf,
}

/// Compares; ends with 0 when the traces are the same and with 1 when they differ.
pub fn diff(arguments: &Arguments, screen: &mut Screen) {
    let [first, second] = [&arguments.first, &arguments.second];
    let (Some(one), Some(other)) = (judge::open(first, screen), judge::open(second, screen)) else { return };
    let parting = (read_trace(one).map_err(|error| (first, error)))
        .and_then(|one| Ok((one, read_trace(other).map_err(|error| (second, error))?)))
        .and_then(|(one, other)| {
            compare(one, other).map_err(|(side, error)| match side {
                Side::First => (first, error),
                Side::Second => (second, error),
            })
        });
    match parting {
        Err((path, error)) => screen.trouble(Exit::BadInput, &format!("{}: {error}", path.display())),
        Ok(None) => screen.result("the traces are the same\n"),
        Ok(Some(parting)) => {
            screen.ends_with(Exit::Fail);
            screen.result(&shown(&parting));
            let reports = (judge::report_of(first, screen), judge::report_of(second, screen));
            if let (Some(one), Some(other)) = reports {
                screen.result(&verdicts(&one, &other));
            }
        }
    }
}

/// The place where two traces part, with what stands around it.
fn shown(parting: &Parting) -> String {
    let mut text = String::new();
    if !parting.plans.is_empty() {
        text.push_str("the runs are of different plans\n\n");
        text.push_str(&differences(&parting.plans));
        text.push('\n');
    }
    text += &match (parting.first.first(), parting.second.first()) {
        (Some(one), Some(_)) => format!("the traces part at event {}, {}\n\n", one.id, one.at),
        (Some(one), None) => format!("the second trace ends before event {}, {}\n\n", one.id, one.at),
        (None, Some(other)) => format!("the first trace ends before event {}, {}\n\n", other.id, other.at),
        (None, None) => "nothing else differs\n".to_owned(),
    };
    for (mark, events) in [(' ', &parting.before), ('-', &parting.first), ('+', &parting.second)] {
        for event in events {
            text.push_str(&format!("{mark} {}\n", line(event)));
        }
    }
    if !parting.fields.is_empty() {
        text.push('\n');
        text.push_str(&differences(&parting.fields));
    }
    text.push('\n');
    text
}

/// A line for each field that differs.
fn differences(fields: &[FieldDifference]) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let line = |field: &FieldDifference| {
        let (one, other) = (value(&field.first), value(&field.second));
        format!("  {}: {one} in the first, {other} in the second\n", field.field)
    };
    fields.iter().map(line).collect()
}

fn line(event: &Event) -> String {
    format!(
        "{:>14}  {}",
        event.at.to_string(),
        serde_json::to_string(event).expect("an event is always JSON")
    )
}

/// What two reports judge differently.
fn verdicts(first: &Report, second: &Report) -> String {
    let mut text = String::new();
    let word = |status| serde_json::to_value(status).expect("a status is always JSON");
    for one in &first.verdicts {
        let same = |other: &&_| {
            let other: &harness::verdict::Verdict = other;
            (&other.checker, other.capability, &other.claim) == (&one.checker, one.capability, &one.claim)
        };
        match second.verdicts.iter().find(same) {
            None => text.push_str(&format!("{}: {}: only in the first\n", one.checker, one.claim)),
            Some(other) if other.status != one.status || other.summary != one.summary => {
                let (a, b) = (word(one.status), word(other.status));
                text.push_str(&format!("{}: {}\n", one.checker, one.claim));
                text.push_str(&format!("- {}: {}\n", a.as_str().unwrap_or_default(), one.summary));
                text.push_str(&format!("+ {}: {}\n", b.as_str().unwrap_or_default(), other.summary));
            }
            Some(_) => {}
        }
    }
    for other in &second.verdicts {
        if !first.verdicts.iter().any(|one| one.checker == other.checker && one.claim == other.claim) {
            text.push_str(&format!("{}: {}: only in the second\n", other.checker, other.claim));
        }
    }
    if text.is_empty() { "the verdicts are the same\n".to_owned() } else { text }
}
