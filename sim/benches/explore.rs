//! How many runs a second exploration makes, on one thread and on two, and whether its memory stays flat.
//!
//! `cargo bench -p sim --bench explore`. The cluster is the documented one, over 10 simulated minutes with 5 calls a
//! second. Aims: 100 runs a second on two cores, and there at least 1.9 times as many as on one. Others use the
//! machine, too: what a run costs in CPU time says how well it scales where the clock does not.
//!
//! With the argument `once` a single batch, for a profiler.

// It measures how long explorations take; no run sees this clock.
#![allow(clippy::disallowed_types)]

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use harness::explore::{Exploration, Summary};
use harness::jobs;
use harness::scenario::Scenario;
use sim::cluster::{PreparedMaker, SimMaker};

/// As the command's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So many batches are run for each figure.
const BATCHES: u64 = 16;
/// The best of so many rounds counts.
const ROUNDS: u32 = 3;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/anything-may-fail.toml");
    let scenario = Scenario::load(path).expect("it is a scenario");
    let exploration = Exploration::of(&scenario, &SimMaker).expect("it fits its cluster");
    if std::env::args().any(|argument| argument == "once") {
        explore(&exploration, 1..2, 1);
        return;
    }
    let [one, two] = [1, 2].map(|threads| {
        let rounds = (0..ROUNDS).map(|_| Figures::of(&exploration, threads));
        rounds.reduce(Figures::better).expect("there are rounds")
    });
    println!("one thread   {one}");
    println!("two threads  {two} (aim: 100 runs)");
    println!("scaling      {:>8.2} times by the clock (aim: 1.9)", two.runs_a_second / one.runs_a_second);
    println!("             {:>8.2} times by what a run costs", 2.0 * one.cpu_ms / two.cpu_ms);
    let mut seeds = 100..;
    for round in 1..=4 {
        let seeds = seeds.by_ref().take(BATCHES as usize);
        explore(&exploration, seeds, 1);
        println!("memory       {:>8} KiB resident after {} batches more", resident_kib(), round * BATCHES);
    }
    println!("             {:>8} KiB at most", status_kib("VmHWM:"));
}

/// What some batches took.
#[derive(Debug, Clone, Copy)]
struct Figures {
    runs_a_second: f64,
    cpu_ms: f64,
}

impl Figures {
    fn of(exploration: &Exploration, threads: usize) -> Self {
        let (began, cpu_before) = (Instant::now(), cpu_seconds());
        let runs = explore(exploration, 1..=BATCHES, threads) as f64;
        let cpu_ms = 1e3 * (cpu_seconds() - cpu_before) / runs;
        Self { runs_a_second: runs / began.elapsed().as_secs_f64(), cpu_ms }
    }

    /// The better of each.
    fn better(self, other: Self) -> Self {
        let runs_a_second = self.runs_a_second.max(other.runs_a_second);
        Self { runs_a_second, cpu_ms: self.cpu_ms.min(other.cpu_ms) }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.1} runs a second, {:.2} ms CPU a run", self.runs_a_second, self.cpu_ms)
    }
}

/// Runs a batch of each seed, and puts the results together. How many runs that were.
fn explore(exploration: &Exploration, seeds: impl Iterator<Item = u64>, threads: usize) -> u64 {
    let seeds: Vec<u64> = seeds.collect();
    let threads = NonZeroUsize::new(threads).expect("there is one");
    let never = AtomicBool::new(false);
    let mut summary = Summary::new(exploration.header().clone());
    let prepare = || exploration.own_copy(PreparedMaker::of).expect("it fits its cluster");
    let work =
        |(own, maker): &(Exploration, PreparedMaker), number: usize| own.batch(seeds[number], maker, &never);
    jobs::each_with(seeds.len(), threads, &never, prepare, work, |_, batch| {
        if let Ok(Some(batch)) = batch {
            summary.add(&batch);
        }
    });
    summary.runs
}

/// CPU time of all threads of this process, those that have ended among them.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux says it");
    let after_name = text.rsplit_once(')').expect("a name stands in parentheses").1;
    let field = |number: usize| -> f64 {
        after_name.split_whitespace().nth(number).and_then(|word| word.parse().ok()).expect("it is a number")
    };
    // utime and stime, proc_pid_stat(5)'s fields 14 and 15.
    (field(11) + field(12)) / rustix::param::clock_ticks_per_second() as f64
}

fn resident_kib() -> u64 {
    status_kib("VmRSS:")
}

fn status_kib(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("it has the field");
    line.trim().trim_end_matches("kB").trim().parse().expect("it is a number")
}
