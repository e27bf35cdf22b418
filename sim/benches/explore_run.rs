//! How many runs a second an exploration gets out of one core: the documented cluster over 10 simulated minutes,
//! 5 calls a second, a publish every 30 seconds, cron each minute with its rsync to both workers, their scans, and
//! the checkers. As when exploring, the cluster's files are read once, and no run is told, fingerprinted or written.
//! Aim: 100 runs a second on two cores.
//!
//! `cargo bench -p sim --bench explore-run`; with the argument `once` a single run, for a profiler.

use std::path::Path;

use harness::plan::Plan;
use harness::run;
use harness::scenario::Scenario;
use harness::verdict::Status;
use sim::cluster::{PreparedMaker, SimMaker};

/// As the command's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs on one thread; the best of so many rounds counts, because others use the machine, too.
const ROUNDS: u32 = 5;
const RUNS_A_ROUND: u64 = 20;

fn main() {
    let scenario = Scenario::builder("explore-run", "What an exploration runs, without a fault.")
        .cluster(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync"))
        .phase("warmup", "2m")
        .phase("disturb", "4m")
        .phase("heal", "2m")
        .phase("settle", "2m")
        .calls("5/s", 5)
        .publish("30s", 2)
        .expect("traffic is never lost")
        .expect("every worker is converged at the end")
        .expect("no acknowledged publish is lost")
        .build()
        .expect("it is right");
    let maker = PreparedMaker::of(scenario.files.as_ref().expect("they were read")).expect("they are right");
    let plan = |seed| scenario.plan(seed, &SimMaker).expect("it is right");
    if std::env::args().any(|argument| argument == "once") {
        explore(&plan(1), &maker);
        return;
    }
    let plans: Vec<Plan> = (0..RUNS_A_ROUND).map(plan).collect();
    let seconds = (0..ROUNDS)
        .map(|_| {
            let before = cpu_seconds();
            for plan in &plans {
                explore(plan, &maker);
            }
            (cpu_seconds() - before) / RUNS_A_ROUND as f64
        })
        .fold(f64::INFINITY, f64::min);
    println!("documented cluster, 10 simulated minutes, 5 calls/s, a publish each 30 s");
    println!("  CPU a run       {:>10.2} ms", seconds * 1e3);
    println!("  runs            {:>10.1} a second on one core (aim: 50)", 1.0 / seconds);
    println!("  simulated time  {:>10.0} times real time", 600.0 / seconds);
}

fn explore(plan: &Plan, maker: &PreparedMaker) {
    let judgement = run::survey(plan, maker, Vec::new(), None).expect("nothing is wrong with it");
    let passed = judgement.verdicts.iter().all(|verdict| verdict.status == Status::Pass);
    assert!(passed, "{:#?}", judgement.verdicts);
}

/// CPU time of this thread, which is where everything runs.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says it");
    let nanos: u64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("its first number");
    nanos as f64 / 1e9
}
