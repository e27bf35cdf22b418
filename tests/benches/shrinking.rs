//! Which ends smaller and sooner: the shrinker of `harness::shrink`, or proptest's own simplification of what its
//! strategies draw. Both begin with the same failing plans, one a planted bug, and ask the same question of a
//! smaller plan: does it fail with the same signature, and not without the bug?
//!
//! `cargo bench -p tests --bench shrinking` prints the table that stands in docs/shrinking.md.

// Wall-clock time is what is measured here: nothing of it enters a run.
#![allow(clippy::disallowed_types)]

use std::time::{Duration, Instant};

use harness::cluster::ClusterMaker;
use harness::plan::Plan;
use harness::run::{self, Options};
use harness::shrink::{self, Size, shrink};
use harness::signature::Signature;
use harness::strategies::Ground;
use harness::time::show_span;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sim::cluster::SimMaker;
use sim::planted::PlantedBug;

/// So many bugs are compared.
const BUGS: usize = 10;
/// So many plans are drawn in search of one that shows a bug.
const DRAWS_MAX: u64 = 100;
/// proptest gives up after so many runs.
const RUNS_MAX: u64 = 5_000;

const EXPECTATIONS: [&str; 6] = [
    "no acknowledged publish is lost",
    "only the sync changes a worker",
    "no write is accepted by a worker",
    "every worker is converged at the end",
    "at most 20 requests to a dead node",
    "traffic is back within 2 minutes of the end of the last fault",
];

/// What one of the two gave.
struct Result {
    size: Size,
    runs: u64,
    took: Duration,
}

fn main() {
    // `cargo test` and `cargo bench -- --list` pass options that mean nothing here.
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    println!(
        "| planted bug | given: faults, operations, simulated | ours: faults, workloads, operations, nodes, simulated, digits | runs | ms | proptest: the same | runs | ms | smaller | sooner |"
    );
    println!("|---|---|---|---:|---:|---|---:|---:|---|---|");
    let mut compared = 0;
    let (mut smaller, mut sooner) = ([0; 3], [0; 2]);
    for (index, bug) in PlantedBug::ALL.iter().enumerate() {
        if compared == BUGS {
            break;
        }
        let Some(case) = Case::find(*bug, index as u8) else {
            eprintln!("{bug}: not shown by {DRAWS_MAX} plans");
            continue;
        };
        compared += 1;
        let given = case.size;
        let (ours, theirs) = (case.ours(), case.proptests());
        let order = ours.size.cmp(&theirs.size);
        let place = (order as i8 + 1) as usize;
        smaller[place] += 1;
        sooner[usize::from(theirs.took < ours.took)] += 1;
        println!(
            "| {bug} | {}, {}, {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            given.faults,
            given.operations,
            span(&given),
            row(&ours.size),
            ours.runs,
            ours.took.as_millis(),
            row(&theirs.size),
            theirs.runs,
            theirs.took.as_millis(),
            ["ours", "equal", "proptest"][place],
            if theirs.took < ours.took { "proptest" } else { "ours" },
        );
    }
    println!(
        "\n{compared} bugs: smaller: ours {}, equal {}, proptest {}; sooner: ours {}, proptest {}",
        smaller[0], smaller[1], smaller[2], sooner[0], sooner[1]
    );
}

fn row(size: &Size) -> String {
    format!(
        "{}, {}, {}, {}, {}, {}",
        size.faults,
        size.workloads,
        size.operations,
        size.nodes,
        span(size),
        size.digits
    )
}

fn span(size: &Size) -> String {
    show_span(Duration::from_nanos(size.simulated_ns))
}

/// A failing plan as proptest drew it, which can still simplify it.
struct Case {
    tree: Box<dyn ValueTree<Value = Plan>>,
    bug: PlantedBug,
    signature: Signature,
    size: Size,
}

impl Case {
    /// The first plan that shows the bug, and the failure that the same plan without the bug has not.
    fn find(bug: PlantedBug, seed: u8) -> Option<Self> {
        let mut ground = Ground::load(tests::root().join("scenarios/clusters/wso2-rsync"), &SimMaker)
            .unwrap_or_else(|wrong| panic!("{wrong}"));
        for sentence in EXPECTATIONS {
            ground = ground.expect(sentence);
        }
        let strategy = ground.simplified_plans().boxed();
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        for _ in 0..DRAWS_MAX {
            let tree = strategy.new_tree(&mut runner).ok()?;
            let plan = planted(tree.current(), bug);
            let failures = failures(&plan);
            if failures.is_empty() {
                continue;
            }
            let anyway = self::failures(&tree.current());
            if let Some(signature) = failures.into_iter().find(|failure| !anyway.contains(failure)) {
                return Some(Self { tree: Box::new(tree), bug, signature, size: size(&plan) });
            }
        }
        None
    }

    fn ours(&self) -> Result {
        let began = Instant::now();
        let plan = planted(self.tree.current(), self.bug);
        let shrunk = shrink(&plan, &self.signature, &SimMaker, shrink::Options::default())
            .unwrap_or_else(|error| panic!("{error}"));
        Result { size: shrunk.after, runs: shrunk.statistics.runs, took: began.elapsed() }
    }

    /// What a failing property of proptest does: simplify as long as it fails, and go back when it does not.
    fn proptests(mut self) -> Result {
        let began = Instant::now();
        let mut result = Result { size: self.size, runs: 0, took: Duration::ZERO };
        let mut more = self.tree.simplify();
        while more && result.runs < RUNS_MAX {
            let plan = planted(self.tree.current(), self.bug);
            if self.still_fails(&plan, &mut result.runs) {
                result.size = size(&plan);
                more = self.tree.simplify();
            } else {
                more = self.tree.complicate();
            }
        }
        result.took = began.elapsed();
        result
    }

    fn still_fails(&self, plan: &Plan, runs: &mut u64) -> bool {
        *runs += 1;
        if !failures(plan).contains(&self.signature) {
            return false;
        }
        *runs += 1;
        let sound = Plan { planted_bug: None, ..plan.clone() };
        !failures(&sound).contains(&self.signature)
    }
}

fn planted(plan: Plan, bug: PlantedBug) -> Plan {
    Plan { planted_bug: Some(bug.name().to_owned()), ..plan }
}

fn failures(plan: &Plan) -> std::collections::BTreeSet<Signature> {
    let outcome = run::run(plan, &SimMaker, Options::default()).unwrap_or_else(|error| panic!("{error}"));
    Signature::all(&outcome.report)
}

fn size(plan: &Plan) -> Size {
    let (topology, _) = SimMaker.topology(&plan.cluster).unwrap_or_else(|wrong| panic!("{wrong}"));
    Size::of(plan, topology.nodes().count())
}
