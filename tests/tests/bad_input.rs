//! Whatever stands in a plan or a trace, reading it gives an error or a run: never a panic, and never a run without
//! end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use harness::finding::Source;
use harness::plan::Plan;
use harness::run::{self, Options};
use harness::scenario::Scenario;
use harness::time::SimTime;
use harness::trace::{Memory, compare::compare, read_trace};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use sim::cluster::SimMaker;

/// A short plan with some of everything in it.
fn plan() -> Plan {
    let builder = Scenario::builder("short", "Everything, shortly.")
        .cluster(tests::root().join("scenarios/clusters/wso2-rsync"))
        .phase("warmup", "70s")
        .phase("disturb", "1m")
        .phase("heal", "5s")
        .phase("settle", "5s")
        .calls("1/s", 2)
        .workload("publish", [("every", "20s".into()), ("apis", 2.into()), ("delete_every", 2.into())])
        .workload("administer", [("every", "20s".into())])
        .workload("write-attempts", [("every", "20s".into())])
        .power_off("worker1", "10s", "20s")
        .fault(
            "process-kill",
            [("node", "worker2".into()), ("process", "wso2".into()), ("when", "the sync begins".into())],
        )
        .fault(
            "slow-link",
            [
                ("between", "manager".into()),
                ("from", "5s".into()),
                ("latency", "30ms".into()),
                ("jitter", "3ms".into()),
                ("bandwidth", "1MB/s".into()),
            ],
        )
        .fault("partition", [("between", "balancer".into()), ("from", "40s".into()), ("for", "5s".into())])
        .expect("traffic availability at least 1 %");
    builder.build().unwrap().plan(1, &SimMaker).unwrap()
}

fn trace() -> Vec<u8> {
    let memory = Memory::default();
    let options = Options { sinks: vec![Box::new(memory.clone())], ..Options::default() };
    run::run(&plan(), &SimMaker, options).unwrap();
    let mut text = b"{\"schema_version\":1}\n".to_vec();
    // Every kind of event is among the first and the last: the calls between them are all alike.
    let events = memory.into_events();
    for event in events.iter().take(150).chain(&events[events.len() - 150..]) {
        serde_json::to_writer(&mut text, event).unwrap();
        text.push(b'\n');
    }
    text
}

/// A value that nobody expects.
fn hostile() -> impl Strategy<Value = Value> {
    let numbers = [0, 1, -1, i64::MAX, i64::MIN, 1_000_000_007];
    prop_oneof![
        proptest::sample::select(numbers.to_vec()).prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        Just(Value::from(1e308)),
        Just(Value::from(0.5)),
        Just(Value::Null),
        Just(Value::Bool(true)),
        Just(Value::Array(Vec::new())),
        Just(Value::Object(serde_json::Map::new())),
        proptest::sample::select(vec!["", "../../x", "worker1", "clients", "\u{0}", "a b\nc", "wso2"])
            .prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ]
}

/// Where the values of a document stand, each as the way to it.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| places(value, &format!("{here}/{}", escaped(key)), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| places(value, &format!("{here}/{at}"), found));
        }
        _ => {}
    }
}

/// Reads and, where that is a matter of a second, runs.
fn read_and_run(text: &str) {
    let Ok(plan) = Plan::parse(&Source::new("plan.json", text)) else { return };
    let operations: u64 = plan.workloads.iter().map(|workload| workload.operations(&plan.phases)).sum();
    let long = plan.phases.settle_ends > SimTime::ZERO + Duration::from_secs(1200);
    if long || operations > 2_000 || plan.content.apis_in_all() > 100 || plan.content.tenants > 20 {
        return;
    }
    let _ = run::run(&plan, &SimMaker, Options::default());
}

fn never_panics(what: &str, read: impl FnOnce()) -> Result<(), TestCaseError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(()) => Ok(()),
        Err(panic) => {
            let panicked = harness::jobs::Panicked::of(&*panic);
            Err(TestCaseError::fail(format!("{panicked}, with\n{what}")))
        }
    }
}

/// One change of bytes: some go, others come in their place.
fn with_bytes(mut text: Vec<u8>, at: Index, gone: usize, new: &[u8]) -> Vec<u8> {
    let from = at.index(text.len());
    let to = (from + gone).min(text.len());
    text.splice(from..to, new.iter().copied());
    text
}

fn seconds() -> ProptestConfig {
    // Each case may be a run.
    ProptestConfig { cases: 192, max_shrink_iters: 200, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(seconds())]

    #[test]
    fn a_plan_with_other_values_gives_an_error_or_a_run(
        changes in proptest::collection::vec((any::<Index>(), hostile()), 1..3)
    ) {
        let mut document: Value = serde_json::from_str(&plan().to_json()).unwrap();
        for (place, value) in changes {
            let mut found = Vec::new();
            places(&document, "", &mut found);
            // The cluster's files are texts, whose parsers are tested beside them.
            found.retain(|place| !place.starts_with("/cluster/files/"));
            let place = place.get(&found);
            if let Some(old) = document.pointer_mut(place) {
                *old = value;
            }
        }
        let text = document.to_string();
        never_panics(&text, || read_and_run(&text))?;
    }

    #[test]
    fn a_plan_with_other_bytes_gives_an_error_or_a_run(
        at: Index, gone in 0_usize..40, new in proptest::collection::vec(any::<u8>(), 0..4)
    ) {
        let bytes = with_bytes(plan().to_json().into_bytes(), at, gone, &new);
        let text = String::from_utf8_lossy(&bytes);
        never_panics(&text, || read_and_run(&text))?;
    }

    #[test]
    fn a_plan_that_was_cut_short_is_an_error(at: Index) {
        let mut text = plan().to_json();
        // The last line break may go.
        text.truncate(text.floor_char_boundary(at.index(text.len() - 1)));
        let error = Plan::parse(&Source::new("plan.json", text.as_str())).unwrap_err();
        prop_assert!(error.has_errors());
    }

    #[test]
    fn a_trace_with_other_values_is_judged_and_compared_or_refused(
        line: Index, place: Index, value in hostile(), swapped: Index
    ) {
        let text = String::from_utf8(trace()).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let number = 1 + line.index(lines.len() - 1);
        let mut event: Value = serde_json::from_str(&lines[number]).unwrap();
        let mut found = Vec::new();
        places(&event, "", &mut found);
        *event.pointer_mut(place.get(&found).as_str()).unwrap() = value;
        lines[number] = event.to_string();
        let other = 1 + swapped.index(lines.len() - 1);
        lines.swap(number, other);
        let changed = lines.join("\n");
        never_panics(&lines[other], || {
            if let Ok(events) = read_trace(changed.as_bytes()) {
                let _ = run::judge(events);
            }
            if let (Ok(one), Ok(other)) = (read_trace(text.as_bytes()), read_trace(changed.as_bytes())) {
                let _ = compare(one, other);
            }
        })?;
    }

    #[test]
    fn a_trace_with_other_bytes_is_judged_and_compared_or_refused(
        at: Index, gone in 0_usize..400, new in proptest::collection::vec(any::<u8>(), 0..4)
    ) {
        let whole = trace();
        let changed = with_bytes(whole.clone(), at, gone, &new);
        never_panics(&String::from_utf8_lossy(&changed), || {
            if let Ok(events) = read_trace(changed.as_slice()) {
                let _ = run::judge(events);
            }
            if let (Ok(one), Ok(other)) = (read_trace(changed.as_slice()), read_trace(whole.as_slice())) {
                let _ = compare(one, other);
            }
        })?;
    }
}
