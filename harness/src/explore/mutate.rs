//! Changes a plan that reached something new a little: what is close to it may reach more.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use super::coverage::Place;
use super::draw::{Draw, Ground, magnitude, pick};
use crate::plan::{Fault, Start};
use crate::rng::below;
use crate::time::SimTime;

/// A moment is moved by at most this.
const MOVED_MOST: Duration = Duration::from_secs(30);

/// A neighbour of `parent`; what it takes from elsewhere it takes from `other`.
pub(super) fn neighbour(
    ground: &Ground<'_>,
    parent: &Draw,
    other: &Draw,
    seed: u64,
    rng: &mut ChaCha8Rng,
    places: &[Place],
) -> Draw {
    let mut draw = parent.clone();
    let mut changes = 1;
    while changes < 4 && below(rng, 2) == 0 {
        changes += 1;
    }
    for _ in 0..changes {
        change(ground, &mut draw, other, rng, places);
    }
    // The same seed leaves everything else of the run as it was.
    if below(rng, 4) == 0 {
        draw.seed = seed;
    }
    draw
}

fn change(ground: &Ground<'_>, draw: &mut Draw, other: &Draw, rng: &mut ChaCha8Rng, places: &[Place]) {
    match below(rng, 16) {
        0..5 => with_fault(draw, rng, |fault, rng| moved(ground, fault, rng, places)),
        5 | 6 => with_fault(draw, rng, |fault, rng| {
            (fault.lasts, fault.repeats) = (ground.lasts(rng), None);
        }),
        7 | 8 => with_fault(draw, rng, |fault, rng| ground.other_instance(fault, rng)),
        9 | 10 => ground.add_fault(draw, &ground.all_kinds(), rng, places),
        11 if draw.faults.len() > 1 => {
            let place = below(rng, draw.faults.len() as u64) as usize;
            draw.faults.remove(place);
        }
        11 | 12 => {
            if let Some(fault) = pick(rng, &other.faults).cloned()
                && !draw.faults.iter().any(|own| own.name == fault.name)
            {
                draw.faults.push(fault);
            }
        }
        13 | 14 => draw.timing = ground.timing(rng),
        _ => draw.workloads = ground.workloads(rng),
    }
}

fn with_fault(draw: &mut Draw, rng: &mut ChaCha8Rng, change: impl FnOnce(&mut Fault, &mut ChaCha8Rng)) {
    let many = draw.faults.len() as u64;
    if many > 0 {
        let place = below(rng, many) as usize;
        change(&mut draw.faults[place], rng);
    }
}

/// A little earlier or later, or at another occurrence; sometimes somewhere else altogether.
fn moved(ground: &Ground<'_>, fault: &mut Fault, rng: &mut ChaCha8Rng, places: &[Place]) {
    let phases = &ground.base.phases;
    match &mut fault.start {
        _ if below(rng, 6) == 0 => {
            fault.start = ground.start(rng, places, &[], &fault.target.nodes());
        }
        Start::At { at_ns } => {
            let by = magnitude(rng, Duration::from_millis(1), MOVED_MOST);
            let moved = match below(rng, 2) {
                0 => *at_ns + by,
                _ => SimTime::from_nanos(at_ns.as_nanos().saturating_sub(by.as_nanos() as u64)),
            };
            *at_ns = moved.clamp(phases.warmup_ends, phases.disturb_ends);
        }
        Start::On { nth, .. } => {
            *nth = match below(rng, 2) {
                0 => nth.saturating_add(1 + below(rng, 3)),
                _ => nth.saturating_sub(1 + below(rng, 3)).max(1),
            };
        }
    }
}
