//! Tests of the runner, on a cluster whose nodes only go on and off.

use std::collections::BTreeSet;

use super::*;
use crate::cluster_files::ClusterFiles;
use crate::fake::{FakeMaker, Lamps};
use crate::plan::{FaultKind, Target};
use crate::scenario::Scenario;
use crate::trace::event::OpKind;
use crate::trace::{Memory, read_trace};

const MAKER: FakeMaker = FakeMaker(Lamps::boxed);

fn builder() -> crate::scenario::Builder {
    Scenario::builder("lamps", "Traffic goes on.")
        .cluster_files(ClusterFiles::default())
        .phase("warmup", "1m")
        .phase("disturb", "5m")
        .phase("heal", "1m")
        .phase("settle", "1m")
}

fn plan(builder: crate::scenario::Builder) -> Plan {
    builder.build().unwrap_or_else(|wrong| panic!("{wrong}")).plan(1, &MAKER).unwrap()
}

fn events_of(plan: &Plan) -> (Outcome, Vec<Event>) {
    let memory = Memory::default();
    let options = Options { sinks: vec![Box::new(memory.clone())], ..Options::default() };
    let outcome = run(plan, &MAKER, options).unwrap();
    (outcome, memory.into_events())
}

/// Moments in seconds and kinds of the events that the runner records.
fn told(events: &[Event]) -> Vec<(u64, String)> {
    let shown = |event: &Event| match &event.kind {
        EventKind::PhaseStarted { phase } => Some(format!("{phase:?}")),
        EventKind::FaultBegan { fault, .. } => Some(format!("{fault} begins")),
        EventKind::FaultEnded { fault } => Some(format!("{fault} ends")),
        EventKind::FaultHadNoEffect { fault, why } => Some(format!("{fault}: {why}")),
        EventKind::RunEnded => Some("end".to_owned()),
        _ => None,
    };
    events.iter().filter_map(|event| Some((event.at.as_millis() / 1000, shown(event)?))).collect()
}

fn down(
    name: &'static str,
    node: &'static str,
    when: (&'static str, &'static str),
    lasts: &'static str,
) -> [(&'static str, toml::Value); 4] {
    [("name", name.into()), ("node", node.into()), (when.0, when.1.into()), ("for", lasts.into())]
}

#[test]
fn a_plan_is_run_through_its_phases_and_judged() {
    let builder = builder()
        .calls("10/s", 2)
        .publish("5s", 1)
        .power_off("manager", "1m", "3m")
        .expect("traffic is never lost")
        .expect("publishing is lost while the manager is down, and back within 10 s of its return");
    let (outcome, events) = events_of(&plan(builder));
    assert_eq!(
        told(&events),
        [
            (0, "Warmup"),
            (60, "Disturb"),
            (120, "manager-off begins"),
            (240, "manager-off ends"),
            (360, "Heal"),
            (420, "Settle"),
            (480, "end")
        ]
        .map(|(at, what)| (at, what.to_owned()))
    );
    let verdicts = &outcome.report.verdicts;
    // No gateway of this cluster serves anything: what became of the publishes is not known.
    let statuses: Vec<Status> = verdicts.iter().map(|verdict| verdict.status).collect();
    assert_eq!(statuses, [Status::Pass, Status::Pass, Status::Unknown], "{verdicts:#?}");
    assert!(verdicts.iter().all(|verdict| !verdict.evidence.is_empty()), "{verdicts:#?}");
    assert!(matches!(&events[0].kind, EventKind::RunStarted { .. }));
    assert!(matches!(&events[1].kind, EventKind::RunPlanned { .. }));
    assert!(matches!(&events[events.len() - 2].kind, EventKind::Mark { .. }));
    let publishes =
        |event: &&Event| matches!(&event.kind, EventKind::OpStarted { what: OpKind::Publish { .. }, .. });
    let last = events.iter().rfind(publishes).unwrap();
    assert!(last.at < SimTime::from_secs(420), "nothing is published while the cluster settles");
}

#[test]
fn the_same_plan_gives_the_same_trace_and_a_stored_trace_the_same_report() {
    let plan =
        plan(builder().calls("10/s", 2).power_off("balancer", "1m", "3m").expect("traffic is never lost"));
    let (one, events) = events_of(&plan);
    let (two, _) = events_of(&plan);
    assert_eq!(one.report, two.report);
    assert_eq!(one.report.status, Status::Fail);
    let again = judge(events.iter().cloned().map(Ok::<_, ()>)).unwrap();
    assert_eq!(one.report, again);
    let lines: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let stored = format!("{{\"schema_version\":1}}\n{}\n", lines.join("\n"));
    assert_eq!(judge(read_trace(stored.as_bytes()).unwrap()).unwrap(), again);
}

#[test]
fn a_trace_that_was_cut_short_is_unknown() {
    let plan = plan(builder().calls("10/s", 2));
    let (_, events) = events_of(&plan);
    let half = events.len() / 2;
    let report = judge(events.into_iter().take(half).map(Ok::<_, ()>)).unwrap();
    assert_eq!(report.status, Status::Unknown);
}

#[test]
fn faults_begin_on_events_and_one_another_from_the_disturb_phase_on() {
    let builder = builder()
        .fault("power-off", down("second", "worker1", ("when", "fault first begins"), "10s"))
        .fault("power-off", down("first", "manager", ("when", "the 2nd event cron_fired on manager"), "20s"))
        .fault("power-off", down("never", "worker2", ("when", "worker2 is ready"), "10s"));
    let (_, events) = events_of(&plan(builder));
    // Cron fires at 60, where the phase begins (before it: the cluster is there first), at 120 and at 180.
    assert_eq!(
        told(&events)[2..7],
        [
            (180, "first begins"),
            (180, "second begins"),
            (190, "second ends"),
            (200, "first ends"),
            (360, "Heal"),
        ]
        .map(|(at, what)| (at, what.to_owned()))
    );
    assert_eq!(told(&events)[7].1, "never: the event that it waits for did not happen in the disturb phase");
}

#[test]
fn a_fault_comes_back_as_often_as_it_says_and_as_the_disturb_phase_has_room() {
    let repeated = |times: Option<i64>, begins: (&'static str, &'static str)| {
        let times = times.map(|times| ("times", times.into()));
        let keys = [
            ("name", "off".into()),
            ("node", "manager".into()),
            (begins.0, begins.1.into()),
            ("for", "30s".into()),
            ("every", "100s".into()),
        ];
        let (outcome, events) = events_of(&plan(builder().fault("power-off", keys.into_iter().chain(times))));
        assert_eq!(
            outcome.report.faults.len(),
            told(&events).iter().filter(|(_, what)| what == "off ends").count()
        );
        told(&events).iter().filter(|(_, what)| what == "off begins").map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(repeated(Some(2), ("from", "10s")), [70, 170]);
    assert_eq!(repeated(None, ("from", "10s")), [70, 170, 270]);
    assert_eq!(repeated(Some(2), ("when", "the 2nd event cron_fired on manager")), [180, 280]);
}

#[test]
fn what_still_acts_is_healed_when_the_disturb_phase_ends() {
    let (_, events) = events_of(&plan(
        builder()
            .fault("power-off", [("name", "off".into()), ("node", "manager".into()), ("from", "4m".into())]),
    ));
    let told = told(&events);
    assert_eq!(
        told[2..5],
        [(300, "off begins"), (360, "Heal"), (360, "off ends")].map(|(at, what)| (at, what.to_owned()))
    );
}

#[test]
fn a_late_fault_of_a_stored_plan_has_no_effect() {
    let mut plan = plan(builder().power_off("manager", "1m", "2m"));
    plan.faults[0].start = Start::At { at_ns: SimTime::from_secs(400) };
    let (_, events) = events_of(&plan);
    assert!(told(&events).contains(&(400, "manager-off: the disturb phase is over".to_owned())));
}

#[test]
fn a_plan_that_names_what_the_cluster_has_not_is_refused() {
    let good = plan(builder().power_off("manager", "1m", "2m"));
    let refused = |change: fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        run(&plan, &MAKER, Options::default()).unwrap_err().to_string()
    };
    let text = refused(|plan| plan.faults[0].target = Target::Nodes(vec!["nobody".into()]));
    assert!(text.contains("`nobody`"), "{text}");
    let text = refused(|plan| plan.faults[0].kind = FaultKind::ProcessKill);
    assert!(text.contains("cannot act on its target"), "{text}");
}

#[test]
fn publishes_are_counted_up_and_every_so_many_are_deletions() {
    let keys: [(&'static str, toml::Value); 3] =
        [("every", "1s".into()), ("apis", 2.into()), ("delete_every", 3.into())];
    let plan = plan(builder().workload("publish", keys));
    let mut operations = Operations::of(&plan);
    let row: Vec<String> = (0..8)
        .map(|_| match operations.next(0, &plan.workloads[0]).what {
            OpKind::Publish { api, revision } => format!("{api} r{revision}"),
            OpKind::Delete { api, revision } => format!("-{api} r{revision}"),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "published-1 r2",
        "published-2 r3",
        "-published-1 r4",
        "published-2 r5",
        "published-1 r6",
        "-published-2 r7",
        "published-1 r8",
        "published-2 r9",
    ];
    assert_eq!(row, expected);
}

#[test]
fn every_worker_is_tried_by_every_route() {
    let plan = plan(builder().workload("write-attempts", [("every", "1s".into())]));
    let mut operations = Operations::of(&plan);
    let tried: BTreeSet<_> = (0..10)
        .map(|_| match operations.next(0, &plan.workloads[0]).what {
            OpKind::Write { worker, route } => (worker, route),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tried.len(), 10);
}

#[test]
fn a_run_can_be_stopped_and_a_sink_that_fails_is_told() {
    let plan = plan(builder().calls("10/s", 2));
    let stop = AtomicBool::new(true);
    let stopped = run(&plan, &MAKER, Options { stop: Some(&stop), ..Options::default() });
    assert!(matches!(stopped, Err(RunError::Stopped)));
    struct Full;
    impl Sink for Full {
        fn take(&mut self, _: &Event) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
    }
    let outcome = run(&plan, &MAKER, Options { sinks: vec![Box::new(Full)], ..Options::default() }).unwrap();
    assert_eq!(outcome.sink_errors.len(), 1);
    assert!(outcome.report.passed());
}
