//! Tests of reading scenarios and making plans of them.

use proptest::prelude::*;

use super::*;
use crate::fake::FakeMaker;
use crate::plan::{Start, Target, WorkloadKind};

const WHOLE: &str = r#"
title = "While the manager is down traffic goes on."
cluster = "clusters/wso2-rsync"
expect = [
    "traffic availability at least 99.9 %",
    "publishing is lost while the manager is down, and back within 2 minutes of its return",
    "sync is lost while fault cut-off lasts",
]

[phases]
disturb = "10m"
heal = "2m"
settle = "6m"

[[workload]]
kind = "calls"
rate = "20/s"
apis = 5

[[workload]]
kind = "publish"
every = "30s"
apis = ["pizza", "orders:2.0.0"]
delete_every = 7

[[workload]]
kind = "administer"
every = "10s"

[[workload]]
kind = "write-attempts"
every = "30s"

[[fault]]
name = "manager-off"
kind = "power-off"
node = "the manager"
from = "1m..4m"
for = "3m"

[[fault]]
name = "cut-off"
kind = "partition"
between = "any worker"
from = "8m"

[[fault]]
name = "killed"
kind = "process-kill"
node = "all workers"
process = "wso2"
when = "rsync has transferred its 3rd file to worker1"
for = "20s"
"#;

fn scenario(text: &str) -> Result<Scenario, Findings> {
    let source = Source::new("dir/whole.toml", text);
    let (mut scenario, findings) = Scenario::parse(&source);
    scenario.files = Some(ClusterFiles::default());
    findings.into_result().map(|_| scenario)
}

fn plan(text: &str, seed: u64) -> Result<Plan, Findings> {
    scenario(text)?.plan(seed, &FakeMaker::for_plans())
}

/// What is underlined, and the help.
fn mistakes(text: &str) -> Vec<(String, String)> {
    let source = Source::new("dir/whole.toml", text);
    let (mut scenario, mut findings) = Scenario::parse(&source);
    scenario.files = Some(ClusterFiles::default());
    let (topology, _) = FakeMaker::for_plans().topology(&ClusterFiles::default()).unwrap();
    findings.extend(names::check(&scenario, &topology));
    findings
        .iter()
        .map(|one| (text[one.span.clone()].to_owned(), format!("{} / {}", one, one.help)))
        .collect()
}

fn assert_mistake(from: &str, to: &str, underlined: &str, said: &str) {
    assert!(WHOLE.contains(from), "{from}");
    let text = WHOLE.replacen(from, to, 1);
    let found = mistakes(&text);
    assert!(
        found.iter().any(|(text, message)| text == underlined && message.contains(said)),
        "{from} -> {to}: expected {underlined:?}, {said:?}; found {found:#?}"
    );
}

#[test]
fn a_whole_scenario_becomes_a_plan() {
    let plan = plan(WHOLE, 1).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(&*plan.scenario, "whole");
    assert_eq!(plan.phases.warmup_ends.as_millis(), 180_000);
    assert_eq!(plan.phases.settle_ends.as_millis(), (3 + 10 + 2 + 6) * 60_000);
    assert_eq!(plan.workloads.len(), 4);
    let WorkloadKind::WriteAttempts { workers, routes } = &plan.workloads[3].kind else {
        panic!("not writes")
    };
    assert_eq!((workers.len(), routes.len()), (2, 5));
    assert!(plan.workloads[1].until == plan.phases.heal_ends);
    assert!(matches!(&plan.faults[0].target, Target::Nodes(nodes) if *nodes == ["manager".into()]));
    let Target::Between { a, b } = &plan.faults[1].target else { panic!("not between") };
    assert!(a.len() == 1 && a[0].starts_with("worker") && b.len() == 4, "{a:?} {b:?}");
    assert_eq!(plan.faults[1].lasts, Duration::from_secs(120));
    assert!(matches!(&plan.faults[2].start, Start::On { nth: 1, with, .. } if with["count"] == "3"));
    assert_eq!(plan.expectations.len(), 3);
}

#[test]
fn each_mistake_is_underlined_and_answered() {
    for (from, to, underlined, said) in [
        ("title =", "titel =", "titel", "write `title`"),
        ("cluster =", "# cluster =", "", "`cluster` is missing"),
        ("disturb = \"10m\"", "disturb = 10", "10", "it must be a text"),
        ("disturb = \"10m\"", "disturb = \"10\"", "\"10\"", "250ms"),
        ("settle =", "setle =", "setle", "write `settle`"),
        ("settle = \"6m\"", "expect = []", "expect", "belongs to the top of the file"),
        ("rate = \"20/s\"", "rate = \"20/x\"", "\"20/x\"", "unknown unit `x`"),
        ("rate = \"20/s\"", "", "[[workload]]", "`every` is missing"),
        ("apis = 5", "apis = 0", "0", "from 1 to 10,000"),
        ("apis = 5", "apis = [\"a b\"]", "\"a b\"", "an API is written as"),
        ("delete_every = 7", "delete_every = -7", "-7", "a whole number"),
        ("kind = \"calls\"", "kind = \"cals\"", "\"cals\"", "write `calls`"),
        ("kind = \"power-off\"", "kind = \"poweroff\"", "\"poweroff\"", "write `power-off`"),
        ("node = \"the manager\"", "node = \"manger\"", "\"manger\"", "write `manager`"),
        ("node = \"the manager\"", "nodes = []", "[[fault]]", "name at least one"),
        ("between = \"any worker\"", "betwen = \"any worker\"", "betwen", "write `between`"),
        ("process = \"wso2\"", "process = \"wso\"", "\"wso\"", "write `wso2`"),
        ("process = \"wso2\"", "", "[[fault]]", "`process` is missing"),
        ("from = \"8m\"", "from = \"8m\"\nto = \"7m\"", "\"7m\"", "ends before it begins"),
        ("from = \"8m\"", "from = \"8m\"\nto = \"11m\"", "\"11m\"", "outside the disturb phase"),
        ("from = \"8m\"", "from = \"12m\"", "\"12m\"", "begins outside the disturb phase"),
        ("for = \"3m\"", "for = \"7m\"", "\"7m\"", "ends outside the disturb phase"),
        ("from = \"1m..4m\"", "from = \"4m..1m\"", "\"4m..1m\"", "write the shorter span first"),
        ("from = \"1m..4m\"", "", "[[fault]]", "`from` is missing"),
        ("for = \"20s\"", "to = \"9m\"", "\"9m\"", "cannot end at a fixed time"),
        ("its 3rd file to worker1", "its 3rd file to worker3", "worker3", "no node is called `worker3`"),
        ("its 3rd file", "its 3rd fiel", "fiel", "write `file`"),
        ("name = \"cut-off\"", "name = \"manager-off\"", "\"manager-off\"", "two faults are called"),
        ("availability at", "availabilty at", "availabilty", "write `availability`"),
        ("while the manager is", "while the manger is", "manger", "write `manager`"),
        ("while fault cut-off", "while fault cut-of", "cut-of", "write `cut-off`"),
        ("every = \"10s\"", "every = \"0s\"", "\"0s\"", "at least 1us apart"),
        (
            "kind = \"administer\"",
            "kind = \"publish\"\napis = [\"pizza\"]",
            "[[workload]]",
            "two workloads publish",
        ),
        (
            "kind = \"write-attempts\"",
            "kind = \"write-attempts\"\nworkers = [\"manager\"]",
            "\"manager\"",
            "no worker",
        ),
        (
            "kind = \"write-attempts\"",
            "kind = \"write-attempts\"\nroutes = [\"consol\"]",
            "\"consol\"",
            "`console`",
        ),
    ] {
        assert_mistake(from, to, underlined, said);
    }
}

#[test]
fn a_file_that_is_no_toml_is_told_only_where_it_is_not() {
    let found = mistakes("title = \"x\"\ncluster = \nexpect = [\n");
    assert!(!found.is_empty() && found.iter().all(|(_, said)| !said.contains("is missing")), "{found:?}");
}

#[test]
fn all_mistakes_of_a_file_are_found_at_once() {
    let text = WHOLE
        .replace("kind = \"calls\"", "kind = \"cals\"")
        .replace("from = \"8m\"", "from = \"12m\"")
        .replace("the manager is", "the manger is")
        .replace("process = \"wso2\"", "process = \"wso\"")
        + "\nspeling = 3\n";
    assert_eq!(mistakes(&text).len(), 5, "{:#?}", mistakes(&text));
}

#[test]
fn the_seed_draws_what_is_open_and_nothing_else() {
    let (one, two) = (plan(WHOLE, 1).unwrap(), plan(WHOLE, 2).unwrap());
    assert_eq!(one, plan(WHOLE, 1).unwrap());
    assert_ne!(one.faults[0].start, two.faults[0].start);
    assert_eq!(one.faults[2], two.faults[2]);
    let begins: Vec<u64> = (0..50)
        .map(|seed| match plan(WHOLE, seed).unwrap().faults[0].start {
            Start::At { at_ns } => at_ns.as_millis(),
            Start::On { .. } => panic!("it begins at a time"),
        })
        .collect();
    assert!(begins.iter().all(|at| (240_000..=420_000).contains(at)), "{begins:?}");
    let workers: std::collections::BTreeSet<_> =
        (0..20).map(|seed| plan(WHOLE, seed).unwrap().faults[1].target.nodes()[0].clone()).collect();
    assert_eq!(workers.len(), 2, "both workers are drawn by some seed");
}

#[test]
fn the_first_operation_is_drawn_unless_it_is_said() {
    let first = |text: &str, seed| plan(text, seed).unwrap().workloads[1].first.as_millis();
    let drawn: std::collections::BTreeSet<u64> = (0..20).map(|seed| first(WHOLE, seed)).collect();
    assert!(drawn.len() > 10 && drawn.iter().all(|at| (180_000..=210_000).contains(at)), "{drawn:?}");
    let said = WHOLE.replace("every = \"30s\"\napis", "every = \"30s\"\nfirst = \"8s\"\napis");
    assert_eq!((first(&said, 1), first(&said, 2)), (188_000, 188_000));
}

#[test]
fn removing_a_fault_or_a_workload_changes_no_draw_of_the_others() {
    let whole = plan(WHOLE, 9).unwrap();
    let start = WHOLE.find("[[fault]]\nname = \"manager-off\"").unwrap();
    let end = WHOLE.find("[[fault]]\nname = \"cut-off\"").unwrap();
    let less = plan(&(WHOLE[..start].to_owned() + &WHOLE[end..]), 9).unwrap();
    assert_eq!(whole.faults[1..], less.faults[..]);
    assert_eq!(whole.workloads, less.workloads);
    let start = WHOLE.find("[[workload]]\nkind = \"calls\"").unwrap();
    let end = WHOLE.find("[[workload]]\nkind = \"publish\"").unwrap();
    let less = plan(&(WHOLE[..start].to_owned() + &WHOLE[end..]), 9).unwrap();
    assert_eq!(whole.workloads[1..], less.workloads[..]);
    assert_eq!(whole.faults, less.faults);
}

#[test]
fn a_node_on_both_sides_of_a_link_is_refused() {
    let text = WHOLE.replace("between = \"any worker\"", "between = \"worker1\"\nand = \"all workers\"");
    let findings = plan(&text, 1).unwrap_err();
    assert!(findings.to_string().contains("worker1 stands on both sides"), "{findings}");
}

#[test]
fn more_operations_than_can_be_run_are_refused() {
    let text = WHOLE.replace("20/s", "900000/s").replace("settle = \"6m\"", "settle = \"300d\"");
    assert!(plan(&text, 1).unwrap_err().to_string().contains("operations are more than"));
}

#[test]
fn what_is_built_in_rust_is_what_a_file_says() {
    let built = Scenario::builder("built", "Traffic goes on.")
        .cluster_files(ClusterFiles::default())
        .phase("disturb", "5m")
        .calls("20/s", 3)
        .publish("30s", 1)
        .power_off("the manager", "1m", "2m")
        .expect("traffic is never lost")
        .expect("publishing is lost while fault the-manager-off lasts")
        .build()
        .unwrap_or_else(|findings| panic!("{findings}"));
    let (mut read, findings) = Scenario::parse(&Source::new("built.toml", &*built.source.text));
    assert!(findings.is_empty());
    read.files.clone_from(&built.files);
    let maker = FakeMaker::for_plans();
    assert_eq!(built.plan(3, &maker), read.plan(3, &maker));
    let wrong = Scenario::builder("built", "x").phase("disturb", "5m").expect("all is well").build();
    assert!(wrong.unwrap_err().to_string().contains("not understood"));
}

#[test]
fn a_stored_plan_is_the_plan() {
    let plan = plan(WHOLE, 5).unwrap();
    let again = Plan::parse(&Source::new("plan.json", plan.to_json())).unwrap();
    assert_eq!(plan, again);
    assert_eq!(plan.fingerprint(), again.fingerprint());
    let mut elsewhere = plan.clone();
    elsewhere.cluster.root = "somewhere/else".to_owned();
    assert_eq!(plan.fingerprint(), elsewhere.fingerprint());
}

#[test]
fn a_stored_plan_that_cannot_be_run_is_refused_with_its_reason() {
    let json = plan(WHOLE, 5).unwrap().to_json();
    for (from, to, said) in [
        ("\"schema_version\": 1", "\"schema_version\": 9", "has schema version 9, this program reads 1"),
        ("\"schema_version\": 1,", "", "no `schema_version`"),
        ("\"seed\": 5", "\"seed\": \"five\"", "invalid type"),
        ("\"every_ns\": 50000000", "\"every_ns\": 0", "no time between"),
        ("\"power-off\"", "\"power-cut\"", "unknown variant"),
        ("\"name\": \"cut-off\"", "\"name\": \"killed\"", "two faults are called"),
        ("\"warmup_ends\": 180000000000", "\"warmup_ends\": 180000000000000000", "ends before it begins"),
        ("traffic availability at", "traffic availabilty at", "`availabilty` is not understood"),
        ("{", "[", "not JSON"),
    ] {
        assert!(json.contains(from), "{from}");
        let text = json.replacen(from, to, 1);
        let findings = Plan::parse(&Source::new("plan.json", text)).unwrap_err();
        assert!(findings.to_string().replace("\n  │ ", " ").contains(said), "{from} -> {to}: {findings}");
    }
}

#[test]
fn deeply_nested_input_is_refused_and_does_not_exhaust_the_stack() {
    let deep = format!("title = {}", "[".repeat(100_000));
    assert!(scenario(&deep).is_err());
    let deep = format!("{{\"schema_version\":1,\"x\":{}", "[".repeat(100_000));
    assert!(Plan::parse(&Source::new("plan.json", deep)).is_err());
}

/// The scenarios of this repository.
fn kept() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files
}

#[test]
fn the_scenarios_that_are_kept_here_have_no_mistakes() {
    let maker = FakeMaker::for_plans();
    let files = kept();
    assert!(files.len() >= 7, "{files:?}");
    for path in files {
        let (scenario, findings) = Scenario::check(&path, &maker);
        assert!(findings.is_empty(), "{}", findings.render(false));
        let scenario = scenario.unwrap();
        assert!(scenario.source.text.starts_with("title = "), "{} opens with its title", path.display());
        scenario.plan(1, &maker).unwrap_or_else(|findings| panic!("{findings}"));
    }
}

/// Text that is made of pieces of a scenario, so that it comes far.
fn nearly_a_scenario() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = WHOLE.lines().collect();
    let line = prop_oneof![4 => proptest::sample::select(lines), 1 => Just("from = \"9m..1m\"")];
    (proptest::collection::vec(line, 0..50), ".{0,20}", 0..50_usize).prop_map(|(lines, noise, at)| {
        let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
        let at = at.min(lines.len());
        lines.insert(at, noise);
        lines.join("\n")
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_reading_of_a_scenario_panic(text in ".{0,300}") {
        mistakes(&text);
    }

    #[test]
    fn nothing_that_is_nearly_a_scenario_makes_its_reading_panic(text in nearly_a_scenario()) {
        mistakes(&text);
        let _ = plan(&text, 1);
    }

    #[test]
    fn no_text_makes_the_reading_of_a_plan_panic(text in ".{0,200}", at in 0..4000_usize) {
        let _ = Plan::parse(&Source::new("p", text.as_str()));
        let mut json = plan(WHOLE, 1).unwrap().to_json();
        let at = (0..=at.min(json.len())).rev().find(|&at| json.is_char_boundary(at)).unwrap_or(0);
        json.insert_str(at, &text);
        let _ = Plan::parse(&Source::new("p", json));
    }

    #[test]
    fn no_sentence_makes_its_reading_panic(
        text in ".{0,100}",
        words in proptest::collection::vec("(traffic|is|lost|while|the|manager|down|and|back|within|2|minutes|of|at|most|every|worker|no|,|%|é|[a-z]{0,4})", 0..14),
    ) {
        let _ = crate::expectation::understand(&text);
        let _ = crate::expectation::understand(&words.join(" "));
    }
}
