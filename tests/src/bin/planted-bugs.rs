//! Remakes docs/planted-bugs.md: how soon `sim explore` with its defaults, and a sweep, find each planted bug.
//!
//! `cargo run --release -p tests --bin planted-bugs [SECONDS] [BUG...]`; with names, only those are hunted and nothing is
//! written. Exploring may take SECONDS for each bug (60), sweeping goes through all of its cases.

// It stops hunts and tells how long they took; no run sees this clock.
#![allow(clippy::disallowed_types)]

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sim::planted::PlantedBug;
use tests::hunt::{Ground, Swept};
use tests::root;

const JOBS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let seconds = words.iter().find_map(|word| word.parse().ok()).unwrap_or(60);
    let named: Vec<PlantedBug> = words.iter().filter_map(|word| PlantedBug::named(word)).collect();
    let bugs = if named.is_empty() { PlantedBug::ALL } else { &named };
    let mut text = format!(
        "# How soon planted bugs are found\n\n\
         Explore: `sim explore anything-may-fail` with its defaults on two threads, at most {seconds} s for each bug. A bug is \
         found by the first failure that the cluster without it does not have (see findings.md).\n\n\
         Sweep: every fault of `sim sweep anything-may-fail --each 1`, in an order that spreads over all moments and faults, on \
         two threads, until one shows the bug or all cases are done. A bug is found by the first fault under which something \
         fails that does not fail under the same fault without it; `no fault needed`: it shows in the run without any. Where \
         no case shows it, one fault does not suffice, and pairs of the kinds `power-off` and `process-kill` are tried.\n\n\
         The number of runs is the same on every machine (but where time was up); the seconds are of a shared machine that \
         was busy with other work.\n\n\
         Remade by `cargo run --release -p tests --bin planted-bugs`.\n\n\
         | bug | what it does | explore: found by | runs | seconds | sweep: found with | runs | seconds |\n\
         |---|---|---|---:|---:|---|---:|---:|\n"
    );
    let limit = Duration::from_secs(seconds);
    let mut missed = 0;
    for bug in bugs {
        let ground = Ground::new(Some(*bug));
        let (caught, took) = timed(limit, |more| ground.hunt(JOBS, more));
        let explored = match &caught {
            Some(caught) => format!("{} | {} | {took:.1}", caught.signature, caught.run),
            None => {
                missed += 1;
                format!("**not found** | | {took:.1}")
            }
        };
        let (swept, took) = timed(limit, |_| ground.sweep(JOBS));
        let swept = match swept {
            Swept::WithoutFault(_) => format!("no fault needed | 1 | {took:.1}"),
            Swept::ByOneFault(caught, fault) => format!("{fault} | {} | {took:.1}", caught.run),
            Swept::ByTwoFaults(all, caught, two) => format!(
                "nothing in all {all} cases: one fault does not suffice; two do: {two} | {all} + {} | {took:.1}",
                caught.run
            ),
            Swept::No(all, pairs) => {
                missed += 1;
                format!("**nothing in all {all} cases, nor in {pairs} pairs** | | {took:.1}")
            }
        };
        let row = format!("{explored} | {swept} |");
        eprintln!("{bug}: {row}");
        writeln!(text, "| `{bug}` | {} | {row}", bug.doc()).expect("a string takes it");
    }
    if named.is_empty() {
        let path = root().join("docs/planted-bugs.md");
        if let Err(error) = std::fs::write(&path, text) {
            eprintln!("cannot write {}: {error}", path.display());
            return ExitCode::from(74);
        }
    }
    ExitCode::from(u8::from(missed > 0))
}

/// What a hunt of at most this long gives, and how many seconds it took.
fn timed<T>(limit: Duration, hunt: impl FnOnce(&(dyn Fn() -> bool + Sync)) -> T) -> (T, f64) {
    let began = Instant::now();
    let found = hunt(&|| began.elapsed() < limit);
    (found, began.elapsed().as_secs_f64())
}
