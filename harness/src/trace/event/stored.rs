//! Reads events back.
//!
//! An operation's end writes `revision` for two things: the revision that a publish or a deletion asked for, and the
//! one that answered a call. Never both: a publish is answered with no revision. But whoever reads fields one by one
//! would take the first for the second, so it is told apart here by what was asked.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Event, EventId, EventKind, NodeName};
use crate::time::SimTime;

/// An event as it stands in a trace.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct StoredEvent(Map<String, Value>);

impl TryFrom<StoredEvent> for Event {
    type Error = serde_json::Error;

    fn try_from(StoredEvent(mut fields): StoredEvent) -> Result<Self, Self::Error> {
        #[derive(Deserialize)]
        struct Fields {
            id: EventId,
            at_ns: SimTime,
            #[serde(default)]
            node: Option<NodeName>,
            #[serde(flatten)]
            kind: EventKind,
        }
        let is = |name: &str, values: &[&str]| {
            fields.get(name).and_then(Value::as_str).is_some_and(|text| values.contains(&text))
        };
        if is("event", &["op_ended"])
            && is("operation", &["publish", "delete"])
            && let Some(revision) = fields.remove("revision")
        {
            fields.insert("asked_revision".to_owned(), revision);
        }
        let Fields { id, at_ns, node, kind } = serde_json::from_value(Value::Object(fields))?;
        Ok(Event { id, at: at_ns, node, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OpKind, OpOutcome};
    use super::*;

    #[test]
    fn the_end_of_every_operation_is_read_as_it_was_written() {
        let asked = [
            (OpKind::Call { api: "pizza".into() }, Some(3)),
            (OpKind::Call { api: "pizza".into() }, None),
            (OpKind::Publish { api: "pizza".into(), revision: 4 }, None),
            (OpKind::Delete { api: "pizza".into(), revision: 5 }, None),
            (OpKind::Administer, None),
            (OpKind::HealthCheck { gateway: "worker1".into() }, None),
        ];
        for (what, revision) in asked {
            let kind = EventKind::OpEnded {
                op: 1,
                what: what.clone(),
                started: SimTime::from_secs(1),
                outcome: OpOutcome::Ok,
                status: Some(200),
                revision,
                error: "".into(),
            };
            let ended = Event { id: 7, at: SimTime::from_secs(2), node: None, kind };
            let started = Event { kind: EventKind::OpStarted { op: 1, what }, ..ended.clone() };
            for event in [ended, started] {
                let text = serde_json::to_string(&event).unwrap();
                assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
            }
        }
    }
}
