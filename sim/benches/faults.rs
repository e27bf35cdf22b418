//! What faults cost: a run with 20 overlapping faults against the same run without them, in CPU time per request that
//! was answered well. Aim: at most 1.5 times.
//!
//! `cargo bench -p sim --bench faults`

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use harness::plan::Plan;
use harness::run::{self, Options};
use harness::scenario::{Builder, Scenario};
use harness::trace::event::OpOutcome;
use harness::trace::{Event, EventKind, Sink};
use sim::cluster::SimMaker;

/// As the command's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The best of so many rounds counts, because others use the machine, too.
const ROUNDS: u32 = 7;
/// So many runs a round: some systems count CPU time in ticks of 10 ms, and a run takes a few of them.
const RUNS: u32 = 10;

fn main() {
    let (without, with) = (plan(base()), plan(faulty()));
    assert_eq!((without.faults.len(), with.faults.len()), (0, 20));
    let ((plain, plain_served), (faulty, faulty_served)) = (measure(&without), measure(&with));
    println!("documented cluster, 10 simulated minutes, 10 calls/s, 20 faults that all act for 8 of them");
    for (name, seconds, served) in
        [("without faults", plain, plain_served), ("with faults", faulty, faulty_served)]
    {
        println!("  {name:15} {:>8.2} us CPU a request, {served} served", seconds / served as f64 * 1e6);
    }
    let ratio = (faulty / faulty_served as f64) / (plain / plain_served as f64);
    println!("  ratio           {ratio:>8.2} (aim: at most 1.5)");
}

fn base() -> Builder {
    Scenario::builder("faults", "What faults cost.")
        .cluster(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync"))
        .phase("warmup", "1m30s")
        .phase("disturb", "8m")
        .phase("heal", "10s")
        .phase("settle", "20s")
        .calls("10/s", 5)
        .publish("30s", 2)
}

/// Faults of many kinds on every link and machine, none of which stops traffic for good.
fn faulty() -> Builder {
    let links = [
        ("clients", "balancer"),
        ("balancer", "worker1"),
        ("balancer", "worker2"),
        ("balancer", "manager"),
        ("manager", "worker1"),
        ("manager", "worker2"),
    ];
    let mut builder = base();
    let mut number = 0;
    let mut add = |builder: Builder, kind: &'static str, own: Vec<(&'static str, toml::Value)>| {
        number += 1;
        let common = [("name", format!("{kind}-{number}").into()), ("from", "0s".into())];
        builder.fault(kind, common.into_iter().chain(own))
    };
    for (between, and) in links {
        let link = || vec![("between", between.into()), ("and", and.into())];
        let own = |keys: Vec<(&'static str, toml::Value)>| link().into_iter().chain(keys).collect();
        builder = add(builder, "packet-loss", own(vec![("loss", "1 %".into())]));
        let unsteady = vec![
            ("latency", "2ms".into()),
            ("jitter", "1ms".into()),
            ("jitter_shape", "exponential".into()),
            ("bandwidth", "100Mbit/s".into()),
            ("queue", "256KiB".into()),
        ];
        builder = add(builder, "slow-link", own(unsteady));
    }
    for (between, and) in &links[4..] {
        let own = vec![
            ("between", (*between).into()),
            ("and", (*and).into()),
            ("down", "2s".into()),
            ("up", "20s".into()),
        ];
        builder = add(builder, "flapping-link", own);
    }
    for node in ["manager", "worker1", "worker2"] {
        builder = add(builder, "slow-cpu", vec![("node", node.into()), ("factor", 3.into())]);
        let blocked = vec![("node", node.into()), ("port", 9763.into()), ("action", "reset".into())];
        builder = add(builder, "firewall", blocked);
    }
    builder
}

fn plan(builder: Builder) -> Plan {
    builder.build().expect("it is right").plan(1, &SimMaker).expect("it is right")
}

/// The least CPU time of a run in seconds, and how many requests were answered well.
fn measure(plan: &Plan) -> (f64, u64) {
    let mut served = 0;
    let seconds = (0..ROUNDS)
        .map(|_| {
            let before = cpu_seconds();
            for _ in 0..RUNS {
                let count = Served::default();
                let options = Options { sinks: vec![Box::new(count.clone())], ..Options::default() };
                run::run(plan, &SimMaker, options).expect("nothing is wrong with it");
                served = count.0.get();
            }
            (cpu_seconds() - before) / f64::from(RUNS)
        })
        .fold(f64::INFINITY, f64::min);
    (seconds, served)
}

#[derive(Clone, Default)]
struct Served(Rc<Cell<u64>>);

impl Sink for Served {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        if matches!(event.kind, EventKind::OpEnded { outcome: OpOutcome::Ok, .. }) {
            self.0.set(self.0.get() + 1);
        }
        Ok(())
    }
}

/// CPU time of this thread, which is where everything runs.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says it");
    let nanos: u64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("its first number");
    nanos as f64 / 1e9
}
