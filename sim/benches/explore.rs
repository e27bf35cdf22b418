//! How many runs a second exploration makes, on one thread and on two, and whether its memory stays flat.
//!
//! `cargo bench -p sim --bench explore`. The cluster is the documented one, over 10 simulated minutes with 5 calls a
//! second. Aims: 100 runs a second on two cores, and there at least 1.9 times as many as on one.

// It measures how long explorations take; no run sees this clock.
#![allow(clippy::disallowed_types)]

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
const BATCHES: usize = 8;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/anything-may-fail.toml");
    let scenario = Scenario::load(path).expect("it is a scenario");
    let maker = PreparedMaker::of(scenario.files.as_ref().expect("they were read")).expect("they are right");
    let exploration = Exploration::of(&scenario, &SimMaker).expect("it fits its cluster");
    let one = runs_a_second(&exploration, &maker, 1);
    let two = runs_a_second(&exploration, &maker, 2);
    println!("one thread   {one:>8.1} runs a second");
    println!("two threads  {two:>8.1} runs a second (aim: 100)");
    println!("scaling      {:>8.2} times (aim: 1.9)", two / one);
    println!(
        "memory       {:>8} KiB at most, {} KiB after two batches more",
        peak_kib(),
        memory_after_half(&exploration, &maker)
    );
}

fn runs_a_second(exploration: &Exploration, maker: &PreparedMaker, threads: usize) -> f64 {
    let threads = NonZeroUsize::new(threads).expect("there is one");
    let never = AtomicBool::new(false);
    let mut summary = Summary::new(exploration.header().clone());
    let began = Instant::now();
    let work = |number: usize| exploration.batch(number as u64 + 1, maker, &never);
    jobs::each(BATCHES, threads, &never, work, |_, batch| {
        if let Ok(Some(batch)) = batch {
            summary.add(&batch);
        }
    });
    summary.runs as f64 / began.elapsed().as_secs_f64()
}

/// The memory of this process after some more batches: no more than the peak before, if it is flat.
fn memory_after_half(exploration: &Exploration, maker: &PreparedMaker) -> u64 {
    let never = AtomicBool::new(false);
    for seed in 100..102 {
        let _ = exploration.batch(seed, maker, &never);
    }
    status_kib("VmRSS:")
}

fn peak_kib() -> u64 {
    status_kib("VmHWM:")
}

fn status_kib(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("it has the field");
    line.trim().trim_end_matches("kB").trim().parse().expect("it is a number")
}
