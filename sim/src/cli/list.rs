//! `sim list`: what can be run, and what can be written in a scenario.

use clap::{Args, ValueEnum};
use harness::finding::Source;
use harness::scenario::{Scenario, TRIGGER_FORMS, fault, workload};
use harness::{checker, expectation};

use super::screen::Screen;
use super::{Exit, scenarios};

/// What to list.
#[derive(Debug, Args)]
pub struct Arguments {
    /// One of these only [default: all]
    what: Option<Topic>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Topic {
    /// Scenario files in `scenarios/`
    Scenarios,
    /// What can go wrong
    Faults,
    /// Moments at which a fault can begin
    Triggers,
    /// What clients can do
    Workloads,
    /// What can be expected
    Expectations,
    /// Who judges
    Checkers,
}

/// Lists.
pub fn list(arguments: &Arguments, screen: &mut Screen) {
    let topics = arguments.what.map_or(Topic::value_variants().to_vec(), |topic| vec![topic]);
    for (index, topic) in topics.iter().enumerate() {
        let rows = match topic {
            Topic::Scenarios => scenarios_here(screen),
            Topic::Faults => kinds(fault::KINDS.iter().map(|kind| (kind.name, kind.doc, kind.keys))),
            Topic::Triggers => TRIGGER_FORMS.iter().map(|form| row(form.examples[0], form.doc)).collect(),
            Topic::Workloads => kinds(workload::KINDS.iter().map(|kind| (kind.name, kind.doc, kind.keys))),
            Topic::Expectations => {
                expectation::FORMS.iter().map(|form| row(form.examples[0], form.doc)).collect()
            }
            Topic::Checkers => checker::CHECKERS.iter().map(|kind| row(kind.name, kind.doc)).collect(),
        };
        let name = topic.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let gap = if index > 0 { "\n" } else { "" };
        screen.result(&format!("{gap}{name}\n{}", aligned(&rows)));
    }
}

fn row(name: &str, doc: &str) -> (String, String) {
    (name.to_owned(), doc.to_owned())
}

type Keys = &'static [(&'static str, &'static str)];

fn kinds(kinds: impl Iterator<Item = (&'static str, &'static str, Keys)>) -> Vec<(String, String)> {
    kinds
        .flat_map(|(name, doc, keys)| {
            let keys = keys.iter().map(|(key, doc)| row(&format!("  {key}"), doc));
            std::iter::once(row(name, doc)).chain(keys)
        })
        .collect()
}

fn scenarios_here(screen: &mut Screen) -> Vec<(String, String)> {
    let files = scenarios::all().unwrap_or_else(|error| {
        screen.trouble(Exit::BadInput, &format!("cannot list the folder {}: {error}", scenarios::FOLDER));
        Vec::new()
    });
    (files.iter())
        .map(|file| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let (scenario, _) = Scenario::parse(&Source::new(file.display().to_string(), text));
            (file.display().to_string(), scenario.title)
        })
        .collect()
}

fn aligned(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, doc)| format!("  {name:width$}  {doc}\n")).collect()
}
