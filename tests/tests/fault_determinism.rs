//! Faults and chance: the same plan gives the same bytes whatever fault it has, and a fault that is added changes no
//! choice that is not its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use harness::cluster::ClusterMaker;
use harness::plan::{Fault, Plan, Repeats, Start};
use harness::run::{self, Options};
use harness::scenario::fault::candidates;
use harness::scenario::{Builder, Scenario};
use harness::trace::{Event, Fingerprint, Sink};
use sim::cluster::SimMaker;

fn short(name: &str) -> Builder {
    Scenario::builder(name, "A short run.")
        .cluster(tests::root().join("scenarios/clusters/wso2-rsync"))
        .phase("warmup", "1m10s")
        .phase("disturb", "1m30s")
        .phase("heal", "10s")
        .phase("settle", "20s")
        .calls("2/s", 2)
        .publish("15s", 1)
}

fn planned(builder: Builder, seed: u64) -> Plan {
    builder.build().expect("it is right").plan(seed, &SimMaker).expect("it is right")
}

/// Every event of a run, as the trace writes it.
fn events(plan: &Plan) -> (Vec<String>, Fingerprint) {
    struct Lines(Rc<RefCell<Vec<String>>>);
    impl Sink for Lines {
        fn take(&mut self, event: &Event) -> io::Result<()> {
            self.0.borrow_mut().push(serde_json::to_string(event)?);
            Ok(())
        }
    }
    let lines = Rc::default();
    let options = Options { sinks: vec![Box::new(Lines(Rc::clone(&lines)))], ..Options::default() };
    let outcome = run::run(plan, &SimMaker, options).expect("it runs");
    (lines.take(), outcome.report.trace_fingerprint)
}

#[test]
fn the_same_plan_gives_the_same_bytes_whatever_fault_it_has() {
    let base = planned(short("one-fault"), 3);
    let (topology, _) = SimMaker.topology(&base.cluster).expect("it is right");
    // The last instance of each kind: the others differ from it in their targets and figures.
    let instances: BTreeMap<&str, _> =
        candidates(&topology).into_iter().map(|(kind, target)| (kind.name(), (kind, target))).collect();
    for (name, (kind, target)) in instances {
        let mut plan = base.clone();
        plan.faults.push(Fault {
            name: name.into(),
            kind,
            target,
            start: Start::At { at_ns: base.phases.warmup_ends + Duration::from_secs(5) },
            lasts: Duration::from_secs(20),
            repeats: Some(Repeats { every: Duration::from_secs(40), times: 2 }),
        });
        let ((one, first), (other, second)) = (events(&plan), events(&plan));
        let apart = one.iter().zip(&other).find(|(a, b)| a != b);
        assert_eq!((apart, one.len(), first), (None, other.len(), second), "{name}");
        let begun = one.iter().filter(|line| line.contains("\"fault_began\"")).count();
        assert_eq!(begun, 2, "{name} acts twice");
    }
}

/// A fault of each sort of choice: its time, its length and its target are drawn.
fn drawn(builder: Builder, name: &'static str, kind: &str) -> Builder {
    let keys = [
        ("name", name.into()),
        ("node", "any worker".into()),
        ("from", "1s..50s".into()),
        ("for", "1s..20s".into()),
    ];
    builder.fault(kind, keys)
}

#[test]
fn a_fault_that_is_added_changes_no_choice_of_the_plan_that_is_not_its_own() {
    for seed in 0..20 {
        let one = planned(drawn(drawn(short("few"), "a", "power-off"), "b", "freeze"), seed);
        let builder = drawn(drawn(short("few"), "a", "power-off"), "new", "reboot");
        let more = planned(drawn(builder, "b", "freeze"), seed);
        let without: Vec<&Fault> = more.faults.iter().filter(|fault| &*fault.name != "new").collect();
        assert_eq!(without, one.faults.iter().collect::<Vec<_>>());
        assert_eq!(one.workloads, more.workloads);
    }
}

#[test]
fn until_a_fault_that_is_added_begins_the_run_is_the_same() {
    // Both links are unsteady, so that packets draw their delays.
    let unsteady = |builder: Builder, name: &'static str, between: &'static str, and: &'static str| {
        let keys = [
            ("name", name.into()),
            ("between", between.into()),
            ("and", and.into()),
            ("latency", "2ms".into()),
            ("jitter", "5ms".into()),
            ("from", "0s".into()),
        ];
        builder.fault("slow-link", keys)
    };
    let base =
        |builder| unsteady(unsteady(builder, "one", "balancer", "worker1"), "other", "clients", "balancer");
    let keys = [
        ("name", "new".into()),
        ("between", "manager".into()),
        ("and", "worker2".into()),
        ("loss", "50 %".into()),
        ("from", "40s".into()),
    ];
    let (few, _) = events(&planned(base(short("lossy")), 5));
    let (more, _) = events(&planned(base(short("lossy")).fault("packet-loss", keys), 5));
    let begins = more.iter().position(|line| line.contains("\"fault\":\"new\"")).expect("it begins");
    let is_told = |line: &String| !line.contains("\"run_planned\"");
    assert!(begins > 200, "only {begins} events come before it");
    let (few_before, more_before) = (few.iter().take(begins), more.iter().take(begins));
    assert!(few_before.filter(|line| is_told(line)).eq(more_before.filter(|line| is_told(line))));
    // Calls do not use its link: what their packets draw is not shifted by its draws.
    let calls = |lines: &[String]| -> Vec<String> {
        let calls = lines.iter().filter(|line| line.contains("\"op_ended\"") && line.contains("\"call\""));
        let fields = |line: &String| {
            let mut event: serde_json::Value = serde_json::from_str(line).expect("a line is an event");
            // The event's number counts what happened elsewhere, too.
            event.as_object_mut().expect("it is an object").remove("id");
            event.to_string()
        };
        calls.map(fields).collect()
    };
    let (few, more) = (calls(&few), calls(&more));
    let same = few.iter().zip(&more).filter(|(a, b)| a == b).count();
    assert!(same * 100 >= few.len() * 95, "only {same} of {} calls are the same", few.len());
}
