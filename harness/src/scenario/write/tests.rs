//! Tests that what is written means what was meant.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::cluster_files::ClusterFiles;
use crate::expectation::{Expectation, FORMS};
use crate::fake::FakeMaker;
use crate::plan::{Fault, FaultKind, Start, Target};
use crate::scenario::fault::{KINDS, candidates};
use crate::strategies::Ground;

fn maker() -> FakeMaker {
    FakeMaker::for_plans()
}

fn ground() -> Ground {
    Ground::of(ClusterFiles::default(), &maker()).unwrap()
}

/// A plan of this scenario's phases, without anything in them.
fn empty() -> Plan {
    let scenario = Scenario::builder("empty", "Nothing happens.")
        .cluster_files(ClusterFiles::default())
        .phase("disturb", "10m")
        .build()
        .unwrap();
    scenario.plan(1, &maker()).unwrap()
}

fn fault(kind: FaultKind, target: Target) -> Fault {
    let start = Start::At { at_ns: empty().phases.warmup_ends + Duration::from_millis(61_250) };
    Fault { name: "one".into(), kind, target, start, lasts: Duration::from_secs(90), repeats: None }
}

/// What [`write`] gives; it compares the plan that comes of it itself.
fn written_well(plan: &Plan) -> String {
    write(plan, "clusters/x", &Remarks::new(), &maker()).unwrap_or_else(|error| panic!("{error}\n{plan:#?}"))
}

#[test]
fn every_kind_of_fault_is_written_so_that_its_reader_reads_the_same() {
    let (topology, _) = maker().topology(&ClusterFiles::default()).unwrap();
    let instances = candidates(&topology);
    for kind in KINDS {
        let of_kind = instances.iter().filter(|(instance, _)| instance.name() == kind.name);
        let mut seen = 0;
        for (instance, target) in of_kind {
            seen += 1;
            written_well(&Plan { faults: vec![fault(instance.clone(), target.clone())], ..empty() });
        }
        assert!(seen > 0, "no instance of {} is known: nothing shows that it can be written", kind.name);
    }
}

#[test]
fn a_fault_that_comes_back_is_written_so_that_it_does() {
    for times in [3, crate::plan::TIMES_MAX] {
        let every = Duration::from_secs(100);
        let once = fault(FaultKind::PowerOff, Target::Nodes(vec!["manager".into()]));
        let repeats = Some(crate::plan::Repeats { every, times });
        let text = written_well(&Plan { faults: vec![Fault { repeats, ..once }], ..empty() });
        assert!(text.contains("every = \"1m40s\""), "{text}");
        assert_eq!(text.contains("times = 3"), times == 3, "{text}");
    }
}

#[test]
fn every_expectation_is_written_so_that_it_means_the_same() {
    for example in FORMS.iter().flat_map(|form| form.examples) {
        let mut plan = empty();
        plan.faults = ["manager-off", "balancer-off", "cut-off"]
            .map(|name| Fault {
                name: name.into(),
                ..fault(FaultKind::PowerOff, Target::Nodes(vec!["manager".into()]))
            })
            .into();
        plan.expectations = vec![Expectation { text: (*example).to_owned() }];
        written_well(&plan);
    }
}

#[test]
fn what_no_scenario_says_is_an_error_and_never_another_plan() {
    let of = |change: fn(&mut Plan)| {
        let mut plan = empty();
        plan.faults = vec![fault(FaultKind::PowerOff, Target::Nodes(vec!["manager".into()]))];
        change(&mut plan);
        write(&plan, "clusters/x", &Remarks::new(), &maker()).map_err(|error| error.to_string())
    };
    assert!(of(|_| {}).is_ok());
    let error = of(|plan| plan.faults[0].name = "two words".into()).unwrap_err();
    assert!(error.contains("cannot be a fault's name"), "{error}");
    let error = of(|plan| plan.title = "two\nlines".to_owned()).unwrap_err();
    assert!(error.contains("the title would not be the same"), "{error}");
    let words = |plan: &mut Plan| {
        let with = [("line".to_owned(), "several words".to_owned())].into();
        plan.faults[0].start = Start::On { event: "logged".to_owned(), with, node: None, nth: 1 };
    };
    assert!(of(words).is_err());
}

#[test]
fn content_is_written_as_it_is_read() {
    for (apis, tenants, apis_per_tenant) in [(5, 0, 0), (0, 3, 10), (0, 3, 0), (7, 1, 1)] {
        let plan = Plan { content: Content { apis, tenants, apis_per_tenant }, ..empty() };
        assert!(written_well(&plan).contains("[content]"));
    }
}

#[test]
fn a_scenario_is_written_for_a_person() {
    let scenario = Scenario::builder("lamps", "Traffic goes on while the manager is \"away\".")
        .cluster_files(ClusterFiles::default())
        .phase("disturb", "10m")
        .calls("20/s", 5)
        .workload("publish", [("every", "30s".into()), ("apis", vec!["pizza", "orders:2.0.0"].into())])
        .workload("write-attempts", [("every", "1m30s".into()), ("until", "4m".into())])
        .power_off("manager", "2m50s", "5m50s")
        .fault(
            "slow-link",
            [
                ("between", "manager".into()),
                ("and", "all workers".into()),
                ("when", "the 2nd sync begins".into()),
                ("latency", "300ms".into()),
                ("bandwidth", "64kbit/s".into()),
                ("for", "2m".into()),
            ],
        )
        .expect("traffic is never lost")
        .expect("publishing is lost while the manager is down, and back within 2 minutes of its return");
    let plan = scenario.build().unwrap().plan(7, &maker()).unwrap();
    let remarks: Remarks = [
        ((Place::Top, ""), "Fails with fake 1:\nbecause it was asked to."),
        ((Place::Fault(0), ""), "Essential: without it every verdict passes."),
        ((Place::Fault(0), "from"), "not 2m40s, nor 3m"),
        ((Place::Phases, "settle"), "not 4m"),
    ]
    .map(|((place, key), text)| ((place, key.to_owned()), text.to_owned()))
    .into();
    insta::assert_snapshot!(write(&plan, "clusters/lamps", &remarks, &maker()).unwrap());
}

proptest! {
    #[test]
    fn any_plan_is_written_so_that_reading_it_gives_the_same_plan(plan in ground().simplified_plans()) {
        let text = written_well(&plan);
        // As `write` compares, and once more from outside.
        let (mut scenario, findings) = Scenario::parse(&Source::new("again.toml", text.as_str()));
        prop_assert!(findings.is_empty());
        scenario.files = Some(plan.cluster.clone());
        let again = scenario.plan(scenario.usual_seed(), &maker()).unwrap();
        prop_assert_eq!((again.seed, again.phases, again.workloads), (plan.seed, plan.phases, plan.workloads));
        prop_assert_eq!(again.faults, plan.faults);
    }

    #[test]
    fn times_are_written_to_the_nanosecond(
        from in 0_u64..600_000_000_000,
        lasts in 0_u64..700_000_000_000,
        first in 0_u64..600_000_000_000,
        every in 1_000_u64..600_000_000_000,
        until in 1_u64..600_000_000_000,
        seed: u64,
    ) {
        let mut plan = empty();
        let begins = plan.phases.warmup_ends;
        plan.seed = seed;
        plan.faults = vec![fault(FaultKind::PowerOff, Target::Nodes(vec!["manager".into()]))];
        plan.faults[0].start = Start::At { at_ns: begins + Duration::from_nanos(from) };
        plan.faults[0].lasts = Duration::from_nanos(lasts);
        plan.workloads = vec![crate::plan::Workload {
            kind: crate::plan::WorkloadKind::Administer,
            first: begins + Duration::from_nanos(first),
            every: Duration::from_nanos(every),
            until: begins + Duration::from_nanos(until),
            timeout: Duration::from_nanos(every),
        }];
        written_well(&plan);
    }
}
