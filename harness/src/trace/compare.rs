//! Where two traces part.

use std::collections::VecDeque;

use super::{Event, EventKind, ReadTraceError};

/// How many events before and after the parting are shown.
pub const CONTEXT: usize = 3;

/// The first place at which two traces differ.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parting {
    /// What differs in the events that tell which plan was run: they differ in every two runs of other plans or
    /// seeds, and are not where the runs part.
    pub plans: Vec<FieldDifference>,
    /// The last events that both have, at most [`CONTEXT`].
    pub before: Vec<Event>,
    /// What the first trace has from there on, at most [`CONTEXT`] and one; none when it ends there.
    pub first: Vec<Event>,
    /// What the second has.
    pub second: Vec<Event>,
    /// What differs in the first event of each, by field; empty when one trace ends there.
    pub fields: Vec<FieldDifference>,
}

/// A field in which two events differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// The field, as the trace names it.
    pub field: String,
    /// Its value in the first trace, as JSON; none when it is not there.
    pub first: Option<String>,
    /// Its value in the second trace.
    pub second: Option<String>,
}

/// Which of two traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that was named first.
    First,
    /// The other.
    Second,
}

/// The first place at which two traces differ; none when they are the same. Keeps a few events at a time.
///
/// # Errors
/// When an event of either cannot be read before they part.
pub fn compare(
    mut first: impl Iterator<Item = Result<Event, ReadTraceError>>,
    mut second: impl Iterator<Item = Result<Event, ReadTraceError>>,
) -> Result<Option<Parting>, (Side, ReadTraceError)> {
    let mut plans = Vec::new();
    let mut before = VecDeque::with_capacity(CONTEXT + 1);
    loop {
        let one = first.next().transpose().map_err(|error| (Side::First, error))?;
        let other = second.next().transpose().map_err(|error| (Side::Second, error))?;
        match (one, other) {
            (None, None) if plans.is_empty() => return Ok(None),
            (None, None) => return Ok(Some(Parting { plans, ..Parting::default() })),
            (Some(one), Some(other)) if one != other && tell_the_plan(&one, &other) => {
                plans.extend(fields(&one, &other));
            }
            (Some(one), Some(other)) if one == other => {
                before.push_back(one);
                if before.len() > CONTEXT {
                    before.pop_front();
                }
            }
            (one, other) => {
                let fields = match (&one, &other) {
                    (Some(one), Some(other)) => fields(one, other),
                    _ => Vec::new(),
                };
                let rest = |head: Option<Event>, tail: &mut dyn Iterator<Item = _>| {
                    head.into_iter().chain(tail.map_while(Result::ok).take(CONTEXT)).collect()
                };
                return Ok(Some(Parting {
                    plans,
                    before: before.into(),
                    first: rest(one, &mut first),
                    second: rest(other, &mut second),
                    fields,
                }));
            }
        }
    }
}

/// Whether both events tell what is run, and do so at the same place.
fn tell_the_plan(one: &Event, other: &Event) -> bool {
    let same_place = (one.id, one.at, &one.node) == (other.id, other.at, &other.node);
    same_place
        && matches!(
            (&one.kind, &other.kind),
            (EventKind::RunStarted { .. }, EventKind::RunStarted { .. })
                | (EventKind::RunPlanned { .. }, EventKind::RunPlanned { .. })
        )
}

fn fields(first: &Event, second: &Event) -> Vec<FieldDifference> {
    let object = |event| match serde_json::to_value(event) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => unreachable!("an event is always a JSON object"),
    };
    let (first, second) = (object(first), object(second));
    let mut names: Vec<_> = first.keys().chain(second.keys()).collect();
    names.sort();
    names.dedup();
    (names.into_iter())
        .filter(|name| first.get(*name) != second.get(*name))
        .map(|name| FieldDifference {
            field: name.clone(),
            first: first.get(name).map(ToString::to_string),
            second: second.get(name).map(ToString::to_string),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SimTime;

    fn marks(marks: &[&str]) -> Vec<Result<Event, ReadTraceError>> {
        (marks.iter().enumerate())
            .map(|(id, mark)| {
                let kind = EventKind::Mark { mark: (*mark).into() };
                Ok(Event { id: id as u64, at: SimTime::from_secs(id as u64), node: None, kind })
            })
            .collect()
    }

    fn parting(first: &[&str], second: &[&str]) -> Option<Parting> {
        compare(marks(first).into_iter(), marks(second).into_iter()).unwrap()
    }

    #[test]
    fn equal_traces_do_not_part() {
        assert_eq!(parting(&["a", "b"], &["a", "b"]), None);
        assert_eq!(parting(&[], &[]), None);
    }

    #[test]
    fn the_parting_is_shown_with_what_stands_around_it_and_the_fields_that_differ() {
        let found = parting(&["a", "b", "c", "d", "e", "f"], &["a", "b", "c", "d", "x", "f"]).unwrap();
        let ids = |events: &[Event]| events.iter().map(|event| event.id).collect::<Vec<_>>();
        assert_eq!(ids(&found.before), [1, 2, 3]);
        assert_eq!(ids(&found.first), [4, 5]);
        let expected = FieldDifference {
            field: "mark".to_owned(),
            first: Some("\"e\"".to_owned()),
            second: Some("\"x\"".to_owned()),
        };
        assert_eq!(found.fields, [expected]);
    }

    #[test]
    fn what_was_planned_is_told_apart_from_where_the_runs_part() {
        let planned = |title: &str, marks_after: &[&str]| {
            let plan = crate::trace::Fingerprint(7);
            let kind = EventKind::RunPlanned { plan, title: title.into(), expectations: Vec::new() };
            let mut events = marks(marks_after);
            events.insert(0, Ok(Event { id: 0, at: SimTime::ZERO, node: None, kind }));
            events.into_iter()
        };
        let found = compare(planned("one", &["a", "b"]), planned("other", &["a", "c"])).unwrap().unwrap();
        assert_eq!(found.plans.len(), 1);
        assert_eq!((found.plans[0].field.as_str(), found.first.len()), ("title", 1));
        let same = compare(planned("one", &["a"]), planned("other", &["a"])).unwrap().unwrap();
        assert_eq!((same.plans.len(), same.first.len(), same.second.len()), (1, 0, 0));
    }

    #[test]
    fn whose_event_cannot_be_read_is_told() {
        let broken = || vec![Err(ReadTraceError::Header)].into_iter();
        let (side, _) = compare(broken(), marks(&["a"]).into_iter()).unwrap_err();
        assert_eq!(side, Side::First);
        let (side, _) = compare(marks(&["a"]).into_iter(), broken()).unwrap_err();
        assert_eq!(side, Side::Second);
    }

    #[test]
    fn a_trace_that_ends_early_parts_there() {
        let found = parting(&["a"], &["a", "b"]).unwrap();
        assert_eq!((found.first.len(), found.second.len(), found.fields.len()), (0, 1, 0));
    }
}
