//! A fault as a scenario says it.
//!
//! What a kind of fault has of its own is derived from its serialised form, so that a kind needs no writer beside
//! its reader: a key is the field's name without its unit (`latency_ns` is `latency`), and the unit says how the
//! value is written. A test goes through every kind and fails for one whose reader does not read what comes out.

use serde_json::Value;

use super::text::{bandwidth, quoted, span, texts};
use crate::plan::{Fault, FaultKind, Phases, Repeats, Start, TIMES_MAX, Target};
use crate::scenario::trigger;
use std::time::Duration;

/// Its keys and their values, in order.
pub(super) fn keys(fault: &Fault, phases: &Phases) -> Vec<(String, String)> {
    let kind = fault.kind.name();
    let mut keys = Vec::new();
    let mut add = |key: &str, value: String| keys.push((key.to_owned(), value));
    if *fault.name != *kind {
        add("name", quoted(&fault.name));
    }
    add("kind", quoted(kind));
    match &fault.target {
        Target::Nodes(nodes) => add("node", texts(nodes)),
        Target::Process { nodes, process } => {
            add("node", texts(nodes));
            add("process", quoted(process));
        }
        Target::Between { a, b } => {
            add("between", texts(a));
            add("and", texts(b));
        }
    }
    for (key, value) in own(&fault.kind) {
        add(&key, value);
    }
    match &fault.start {
        Start::At { at_ns } => add("from", quoted(&span(at_ns.since(phases.warmup_ends)))),
        Start::On { event, with, node, nth } => {
            let sentence = trigger::said(event, with, node.as_deref(), *nth);
            add("when", quoted(&sentence));
        }
    }
    add("for", quoted(&span(fault.lasts)));
    if let Some(Repeats { every, times }) = fault.repeats {
        add("every", quoted(&span(every)));
        if times != TIMES_MAX {
            add("times", times.to_string());
        }
    }
    keys
}

/// What a kind of fault has of its own.
fn own(kind: &FaultKind) -> Vec<(String, String)> {
    let Value::Object(mut fields) = serde_json::to_value(kind).expect("a fault is always JSON") else {
        unreachable!("a kind of fault is serialised with its name")
    };
    fields.remove("fault");
    let mut keys = Vec::new();
    for (name, value) in &fields {
        add(name, value, &mut keys);
    }
    keys
}

fn add(name: &str, value: &Value, keys: &mut Vec<(String, String)>) {
    match value {
        // A group of fields has no name in a scenario.
        Value::Object(fields) => fields.iter().for_each(|(name, value)| add(name, value, keys)),
        Value::Null => {}
        Value::String(text) => keys.push((name.to_owned(), quoted(text))),
        Value::Number(number) => keys.push(with_unit(name, number)),
        other => keys.push((name.to_owned(), other.to_string())),
    }
}

/// A number of parts, so many to the whole, as a decimal without needless digits.
fn decimal(parts: u64, to_the_whole: u64) -> String {
    let digits = to_the_whole.ilog10() as usize;
    let text = format!("{}.{:0digits$}", parts / to_the_whole, parts % to_the_whole);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn with_unit(name: &str, number: &serde_json::Number) -> (String, String) {
    if let (Some(key), Some(nanos)) = (name.strip_suffix("_ns"), number.as_u64()) {
        return (key.to_owned(), quoted(&span(Duration::from_nanos(nanos))));
    }
    if let (Some(key), Some(nanos)) = (name.strip_suffix("_ns"), number.as_i64()) {
        let back = span(Duration::from_nanos(nanos.unsigned_abs()));
        return (key.to_owned(), quoted(&format!("-{back}")));
    }
    // The drift of a clock has a sign; other parts of a million are shares.
    if let ("rate_ppm", Some(ppm)) = (name, number.as_i64()) {
        return ("rate".to_owned(), quoted(&format!("{ppm:+}ppm")));
    }
    if let (Some(key), Some(0)) = (name.strip_suffix("_bytes"), number.as_u64()) {
        return (key.to_owned(), number.to_string());
    }
    if let (Some(key), Some(bytes)) = (name.strip_suffix("_bytes_per_s"), number.as_u64()) {
        return (key.to_owned(), quoted(&bandwidth(bytes)));
    }
    if let (Some(key), Some(bytes)) = (name.strip_suffix("_bytes"), number.as_u64()) {
        return (key.to_owned(), quoted(&format!("{bytes}B")));
    }
    if let (Some(key), Some(ppm)) = (name.strip_suffix("_ppm"), number.as_u64()) {
        return (key.to_owned(), quoted(&format!("{} %", decimal(ppm, 10_000))));
    }
    if let (Some(key), Some(percent)) = (name.strip_suffix("_percent"), number.as_u64()) {
        return (key.to_owned(), decimal(percent, 100));
    }
    (name.to_owned(), number.to_string())
}
