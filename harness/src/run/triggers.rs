//! Faults that wait for an event.

use serde_json::Value;

use crate::plan::{Fault, Start};
use crate::trace::{Event, Trigger};

/// The trigger of a fault that begins on an event; it carries the fault's name.
pub(super) fn trigger(fault: &Fault) -> Trigger {
    let Start::On { event: kind, with, node, nth } = fault.start.clone() else {
        unreachable!("only faults that begin on an event are watched for")
    };
    let condition = move |event: &Event| {
        event.kind.name() == kind
            && node.as_ref().is_none_or(|node| event.node.as_ref() == Some(node))
            && (with.is_empty() || has_fields(event, &with))
    };
    Trigger { name: fault.name.clone(), nth, condition: Box::new(condition) }
}

/// Whether the event has these fields, as the trace shows them. Made into JSON only when its kind and its node
/// are right, which is rare.
fn has_fields(event: &Event, with: &std::collections::BTreeMap<String, String>) -> bool {
    let Ok(Value::Object(shown)) = serde_json::to_value(event) else { return false };
    with.iter().all(|(field, expected)| match shown.get(field) {
        Some(Value::String(text)) => text == expected,
        Some(other) => serde_json::to_string(other).is_ok_and(|shown| shown == *expected),
        // A text that is empty is not written into the trace.
        None => expected.is_empty(),
    })
}
