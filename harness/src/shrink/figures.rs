//! The figures of a fault (a latency, a bandwidth, a share): whatever numbers its serialised form has. So a new
//! kind of fault is shrunk without a line about it here.

use std::time::Duration;

use serde_json::Value;

use super::rounder;
use crate::plan::FaultKind;
use crate::time::show_span;

/// The numbers of a kind of fault, in order of their names.
pub(super) fn numbers(kind: &FaultKind) -> Vec<u64> {
    let value = serde_json::to_value(kind).expect("a fault is always JSON");
    let mut paths = Vec::new();
    find(&value, &mut Vec::new(), &mut paths);
    paths.iter().filter_map(|path| at(&value, path)?.as_u64()).collect()
}

/// One number that could be rounder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rounder {
    /// What the plan calls it, such as `latency_ns`.
    pub(super) name: String,
    /// What it would be, in words.
    pub(super) shown: String,
    /// The fault with it.
    pub(super) kind: FaultKind,
}

/// The same kind of fault with one number rounder or smaller, the greatest changes first.
pub(super) fn rounder_kinds(kind: &FaultKind) -> Vec<Rounder> {
    let value = serde_json::to_value(kind).expect("a fault is always JSON");
    let mut paths = Vec::new();
    find(&value, &mut Vec::new(), &mut paths);
    let mut found = Vec::new();
    for path in paths {
        let Some(number) = at(&value, &path).and_then(Value::as_u64) else { continue };
        let name = path.last().cloned().unwrap_or_default();
        let is_span = name.ends_with("_ns");
        let candidates = match is_span {
            true => rounder::spans(Duration::from_nanos(number)).into_iter().map(nanos).collect(),
            false => rounder::numbers(number),
        };
        for candidate in candidates {
            let mut changed = value.clone();
            *at_mut(&mut changed, &path) = Value::from(candidate);
            // What cannot be such a fault is not tried.
            let Ok(kind) = serde_json::from_value(changed) else { continue };
            let shown = match is_span {
                true => show_span(Duration::from_nanos(candidate)),
                false => candidate.to_string(),
            };
            found.push(Rounder { name: name.clone(), shown, kind });
        }
    }
    found
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Where the numbers stand.
fn find(value: &Value, here: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    match value {
        Value::Number(_) => paths.push(here.clone()),
        Value::Object(fields) => {
            for (name, value) in fields {
                here.push(name.clone());
                find(value, here, paths);
                here.pop();
            }
        }
        _ => {}
    }
}

fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn at_mut<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(value, |value, name| &mut value[name.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::LinkChange;

    #[test]
    fn every_number_of_a_fault_is_found_and_made_rounder() {
        let change = LinkChange {
            latency_ns: Some(317_000_000),
            jitter_ns: None,
            bandwidth_bytes_per_s: Some(8_123),
            ..LinkChange::default()
        };
        let kind = FaultKind::SlowLink { change };
        assert_eq!(numbers(&kind), [8_123, 317_000_000]);
        let shown: Vec<_> = rounder_kinds(&kind).into_iter().map(|one| (one.name, one.shown)).collect();
        assert!(shown.contains(&("latency_ns".to_owned(), "300ms".to_owned())), "{shown:?}");
        assert!(shown.contains(&("bandwidth_bytes_per_s".to_owned(), "8000".to_owned())), "{shown:?}");
        assert!(rounder_kinds(&FaultKind::PowerOff).is_empty());
    }
}
