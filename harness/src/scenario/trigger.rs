//! Events as the beginnings of faults, in a user's words: `rsync has transferred its 3rd file to worker1`.
//!
//! Only events from the beginning of the disturb phase on count: a cluster's start triggers nothing.

use std::collections::BTreeMap;

use crate::expectation::Named;
use crate::finding::{Finding, Source, nearest};
use crate::sentence::Words;
use crate::table::{Placed, Reader};
use crate::trace::EventKind;

/// The event that a fault waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TriggerSpec {
    /// The event's kind, as the trace names it.
    pub event: String,
    /// Fields that it must have, as the trace shows them.
    pub with: BTreeMap<String, String>,
    /// The node that it must happen on.
    pub node: Option<Placed<String>>,
    /// Nodes that `with` names, to be checked.
    pub names: Vec<Placed<String>>,
    /// The fault that `with` names, to be checked.
    pub fault: Option<Placed<String>>,
    /// Which occurrence, from 1.
    pub nth: u64,
}

/// A sentence that says when a fault begins.
pub struct TriggerForm {
    /// Sentences of this form.
    pub examples: &'static [&'static str],
    /// What it waits for, in one line.
    pub doc: &'static str,
    parse: fn(&mut Words) -> Option<Spec>,
}

impl std::fmt::Debug for TriggerForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TriggerForm").field("examples", &self.examples).finish_non_exhaustive()
    }
}

/// All forms, in the order in which they are tried and listed.
pub const FORMS: &[TriggerForm] = &[
    TriggerForm {
        examples: &["rsync has transferred its 3rd file to worker1", "rsync has transferred its first file"],
        doc: "a transfer has put so many files in their places",
        parse: rsync_file,
    },
    TriggerForm {
        examples: &["rsync to worker1 begins", "the 2nd rsync to worker2 ends", "rsync begins"],
        doc: "a transfer to a worker begins or ends",
        parse: rsync_run,
    },
    TriggerForm {
        examples: &["the sync begins", "the 2nd sync ends"],
        doc: "the sync script begins or ends",
        parse: sync_run,
    },
    TriggerForm {
        examples: &["a publish is acknowledged", "the 2nd publish is acknowledged"],
        doc: "a client has got the answer that an API is published",
        parse: publish,
    },
    TriggerForm {
        examples: &["manager is ready", "worker1 is ready"],
        doc: "a server has started everything that it serves",
        parse: ready,
    },
    TriggerForm {
        examples: &["fault manager-off begins", "fault manager-off ends"],
        doc: "another fault begins or ends",
        parse: fault,
    },
    TriggerForm {
        examples: &["event scan_started on worker1", "the 3rd event api_deployed on worker2 with api pizza"],
        doc: "any event of the trace, by its name, its node and its fields",
        parse: event,
    },
];

/// What a form gives: as [`TriggerSpec`], with places in the sentence.
#[derive(Default)]
struct Spec {
    event: String,
    with: BTreeMap<String, String>,
    node: Option<Named>,
    names: Vec<Named>,
    fault: Option<Named>,
    kind: Option<Named>,
    nth: u64,
}

/// Reads a sentence of a file; what is not understood is a finding at its place.
pub(super) fn read(sentence: &Placed<String>, reader: &Reader<'_>) -> Option<TriggerSpec> {
    let mut words = Words::of(&sentence.value);
    for form in FORMS {
        words.restart();
        if let Some(spec) = (form.parse)(&mut words)
            && words.at_end()
        {
            return spec.placed(sentence, reader);
        }
    }
    let error = words.not_understood(FORMS.iter().flat_map(|form| form.examples).copied());
    let span = sentence.part(reader.source, error.span);
    reader.push(Finding::error(reader.source, span, error.message).help(error.help));
    None
}

/// The sentence for an event: the plainest of the forms above that is read as it, or one that names the event as
/// the trace does. Where no sentence says it (a name of several words), the one that comes nearest.
pub(super) fn said(event: &str, with: &BTreeMap<String, String>, node: Option<&str>, nth: u64) -> String {
    let field = |name: &str| with.get(name).map_or("", String::as_str);
    let the = |nth: u64| if nth == 1 { "the".to_owned() } else { format!("the {}", nth_of(nth)) };
    let to_worker =
        if with.contains_key("worker") { format!(" to {}", field("worker")) } else { String::new() };
    let ends = if event.ends_with("_ended") { "ends" } else { "begins" };
    let plain = match event {
        "rsync_file" => {
            format!(
                "rsync has transferred its {} file{to_worker}",
                nth_of(field("count").parse().unwrap_or(0))
            )
        }
        "rsync_started" | "rsync_ended" => format!("{} rsync{to_worker} {ends}", the(nth)),
        "sync_started" | "sync_ended" => format!("{} sync {ends}", the(nth)),
        "op_ended" => format!("{} publish is acknowledged", the(nth)),
        "process_ready" => format!("{} is ready", node.unwrap_or_default()),
        "fault_began" | "fault_ended" => format!("fault {} {ends}", field("fault")),
        _ => String::new(),
    };
    let mut exact = format!("{} event {event}", the(nth));
    if let Some(node) = node {
        exact.push_str(&format!(" on {node}"));
    }
    for (index, (name, value)) in with.iter().enumerate() {
        let before = if index == 0 { "with" } else { "and" };
        exact.push_str(&format!(" {before} {name} {value}"));
    }
    let says_it = |sentence: &str| {
        let source = Source::new("", "");
        let spec = read(&Placed::new(sentence.to_owned(), 0..0), &Reader::new(&source));
        spec.is_some_and(|spec| {
            let spec_node = spec.node.as_ref().map(|node| node.value.as_str());
            (spec.event.as_str(), &spec.with, spec_node, spec.nth) == (event, with, node, nth)
        })
    };
    if says_it(&plain) { plain } else { exact }
}

/// `1st`, `22nd`.
fn nth_of(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

impl Spec {
    fn of(event: &str, nth: u64) -> Self {
        Self { event: event.to_owned(), nth, ..Self::default() }
    }

    fn placed(self, sentence: &Placed<String>, reader: &Reader<'_>) -> Option<TriggerSpec> {
        let place = |named: Named| Placed::new(named.name, sentence.part(reader.source, named.span));
        if let Some(kind) = self.kind
            && !EventKind::NAMES.contains(&kind.name.as_str())
        {
            let help = match nearest(&kind.name, EventKind::NAMES.iter().copied()) {
                Some(near) => format!("write `{near}`"),
                None => format!("one of: {}", EventKind::NAMES.join(", ")),
            };
            let kind = place(kind);
            reader.error(kind.span, format!("no event is called `{}`", kind.value), help);
            return None;
        }
        Some(TriggerSpec {
            event: self.event,
            with: self.with,
            node: self.node.map(place),
            names: self.names.into_iter().map(place).collect(),
            fault: self.fault.map(place),
            nth: self.nth,
        })
    }

    fn with(mut self, field: &str, value: impl Into<String>) -> Self {
        self.with.insert(field.to_owned(), value.into());
        self
    }

    fn with_worker(self, worker: Option<Named>) -> Self {
        match worker {
            Some(worker) => {
                let mut spec = self.with("worker", worker.name.clone());
                spec.names.push(worker);
                spec
            }
            None => self,
        }
    }
}

fn rsync_file(words: &mut Words) -> Option<Spec> {
    words.words(&["rsync", "has"])?;
    words.word(&["transferred", "placed"])?;
    words.maybe(&["its", "the"]);
    let count = words.ordinal();
    words.word(&["file"])?;
    let worker = match words.word(&["to", "on"]) {
        Some(_) => Some(words.name("a worker's name", &[])?),
        None => None,
    };
    Some(Spec::of("rsync_file", 1).with("count", count.to_string()).with_worker(worker))
}

fn rsync_run(words: &mut Words) -> Option<Spec> {
    words.maybe(&["the", "an"]);
    let nth = words.ordinal();
    words.word(&["rsync"])?;
    let worker = match words.word(&["to"]) {
        Some(_) => Some(words.name("a worker's name", &[])?),
        None => None,
    };
    let event = begins_or_ends(words, "rsync_started", "rsync_ended")?;
    Some(Spec::of(event, nth).with_worker(worker))
}

fn sync_run(words: &mut Words) -> Option<Spec> {
    words.maybe(&["the", "a"]);
    let nth = words.ordinal();
    words.word(&["sync"])?;
    Some(Spec::of(begins_or_ends(words, "sync_started", "sync_ended")?, nth))
}

fn publish(words: &mut Words) -> Option<Spec> {
    words.maybe(&["the", "a"]);
    let nth = words.ordinal();
    words.word(&["publish"])?;
    words.words(&["is", "acknowledged"])?;
    Some(Spec::of("op_ended", nth).with("operation", "publish").with("outcome", "ok"))
}

fn ready(words: &mut Words) -> Option<Spec> {
    words.maybe(&["the"]);
    let node = words.name("a node's name", &["rsync", "sync", "fault", "event", "publish"])?;
    words.words(&["is", "ready"])?;
    Some(Spec { node: Some(node), ..Spec::of("process_ready", 1) })
}

fn fault(words: &mut Words) -> Option<Spec> {
    words.maybe(&["the"]);
    words.word(&["fault"])?;
    let fault = words.name("a fault's name", &[])?;
    let event = begins_or_ends(words, "fault_began", "fault_ended")?;
    let spec = Spec::of(event, 1).with("fault", fault.name.clone());
    Some(Spec { fault: Some(fault), ..spec })
}

fn event(words: &mut Words) -> Option<Spec> {
    words.maybe(&["the", "an"]);
    let nth = words.ordinal();
    words.word(&["event"])?;
    let kind = words.name("an event's name", &[])?;
    let mut spec = Spec::of(&kind.name, nth);
    spec.kind = Some(kind);
    if words.word(&["on"]).is_some() {
        spec.node = Some(words.name("a node's name", &["with"])?);
    }
    if words.word(&["with"]).is_some() {
        loop {
            let field = words.name("a field's name", &[])?;
            let value = words.name("the field's value", &[])?;
            spec = spec.with(&field.name, value.name);
            if !words.maybe(&["and", ","]) {
                break;
            }
        }
    }
    Some(spec)
}

fn begins_or_ends<'a>(words: &mut Words, begins: &'a str, ends: &'a str) -> Option<&'a str> {
    Some(match words.word(&["begins", "starts", "ends"])? {
        "ends" => ends,
        _ => begins,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(text: &str) -> Result<TriggerSpec, String> {
        let source = Source::new("a.toml", format!("'{text}'"));
        let reader = Reader::new(&source);
        let spec = read(&Placed::new(text.to_owned(), 0..text.len() + 2), &reader);
        spec.ok_or_else(|| reader.into_findings().render(false))
    }

    #[test]
    fn every_example_is_understood() {
        for example in FORMS.iter().flat_map(|form| form.examples) {
            if let Err(error) = understood(example) {
                panic!("{example}: {error}");
            }
        }
    }

    #[test]
    fn a_sentence_names_an_event_with_its_fields() {
        let spec = understood("rsync has transferred its 3rd file to worker1").unwrap();
        assert_eq!(spec.event, "rsync_file");
        assert_eq!(
            (spec.with["count"].as_str(), spec.with["worker"].as_str(), spec.nth),
            ("3", "worker1", 1)
        );
        let spec = understood("the 3rd event api_deployed on worker2 with api pizza").unwrap();
        assert_eq!((spec.nth, spec.node.unwrap().value.as_str()), (3, "worker2"));
    }

    #[test]
    fn every_example_is_said_again_in_words_that_mean_the_same() {
        for example in FORMS.iter().flat_map(|form| form.examples) {
            let spec = understood(example).unwrap();
            let node = spec.node.as_ref().map(|node| node.value.as_str());
            let again = understood(&said(&spec.event, &spec.with, node, spec.nth)).unwrap();
            assert_eq!(
                (&again.event, &again.with, again.nth),
                (&spec.event, &spec.with, spec.nth),
                "{example}"
            );
        }
        let with = [("count".to_owned(), "3".to_owned()), ("worker".to_owned(), "w".to_owned())].into();
        assert_eq!(said("rsync_file", &with, None, 1), "rsync has transferred its 3rd file to w");
        assert_eq!(
            said("rsync_file", &with, None, 22),
            "the 22nd event rsync_file with count 3 and worker w"
        );
    }

    #[test]
    fn an_unknown_event_is_answered_with_the_nearest() {
        let error = understood("event scan_startd on worker1").unwrap_err();
        assert!(error.contains("write `scan_started`"), "{error}");
        assert!(understood("rsync has transfered its 3rd file").unwrap_err().contains("write `transferred`"));
    }
}
