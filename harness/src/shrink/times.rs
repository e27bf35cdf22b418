//! Time goes: before the first fault, between faults, from the faults themselves, and from the phases.

use std::time::Duration;

use super::{Aspect, Ended, Shrinker, Step, Subject, rounder};
use crate::plan::{Plan, Start};
use crate::time::SimTime;
use crate::trace::event::Phase;

/// Cron runs once a minute, and what happens within a minute depends on it: whole minutes are cut out first.
const MINUTE: Duration = Duration::from_secs(60);

const PHASES: [Phase; 4] = [Phase::Warmup, Phase::Disturb, Phase::Heal, Phase::Settle];

pub(super) fn pass(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    shorter_faults(shrinker)?;
    cut_out(shrinker)?;
    // The end first: what a run need not do any more makes all others cheaper.
    for place in [3, 2, 1, 0] {
        shorter_phase(shrinker, place)?;
    }
    Ok(())
}

fn shorter_faults(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    for index in 0..shrinker.plan.faults.len() {
        let fault = &shrinker.plan.faults[index];
        let subject = Subject::Fault(fault.name.clone());
        let shorter = rounder::shorter(fault.lasts);
        shrinker.first_good(&shorter, |shrinker, span| {
            let step = Step::to_span(subject.clone(), Aspect::Length, *span);
            shrinker.attempt(step, |plan| plan.faults[index].lasts = *span)
        })?;
    }
    Ok(())
}

fn shorter_phase(shrinker: &mut Shrinker<'_>, place: usize) -> Result<(), Ended> {
    let phase = PHASES[place];
    let length = shrinker.plan.phases.lengths()[place];
    let least = if phase == Phase::Disturb { last_begin(&shrinker.plan) } else { Duration::ZERO };
    let shorter: Vec<Duration> =
        rounder::shorter(length).into_iter().filter(|length| *length > least || least.is_zero()).collect();
    shrinker.first_good(&shorter, |shrinker, length| {
        let mut lengths = shrinker.plan.phases.lengths();
        lengths[place] = *length;
        let plan = shrinker.plan.with_lengths(lengths);
        shrinker.attempt_plan(Step::to_span(Subject::Phase(phase), Aspect::Length, *length), plan)
    })?;
    Ok(())
}

/// Cuts a piece of the disturb phase out before each fault: it and all later ones begin earlier, and the phase
/// is shorter.
fn cut_out(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    for index in 0..shrinker.plan.faults.len() {
        let Some(begins) = begins(&shrinker.plan, index) else { continue };
        let free = begins.since(end_of_the_one_before(&shrinker.plan, begins));
        let minutes = u32::try_from(free.as_secs() / 60).unwrap_or(u32::MAX);
        let mut pieces: Vec<Duration> = vec![free];
        let mut count = minutes;
        while count > 0 {
            pieces.push(MINUTE * count);
            count /= 2;
        }
        pieces.retain(|piece| !piece.is_zero());
        let whole = shrinker.plan.clone();
        shrinker.first_good(&pieces, |shrinker, piece| {
            let to = begins.since(whole.phases.warmup_ends).saturating_sub(*piece);
            let step = Step::to_span(Subject::Fault(whole.faults[index].name.clone()), Aspect::Start, to);
            shrinker.attempt_plan(step, without_piece(&whole, begins, *piece))
        })?;
    }
    Ok(())
}

/// The same plan, with everything that begins at `at` or later earlier by `piece`.
fn without_piece(plan: &Plan, at: SimTime, piece: Duration) -> Plan {
    let mut lengths = plan.phases.lengths();
    lengths[1] = lengths[1].saturating_sub(piece);
    let mut cut = plan.clone();
    for fault in &mut cut.faults {
        if let Start::At { at_ns } = &mut fault.start
            && *at_ns >= at
        {
            *at_ns = plan.phases.warmup_ends + at_ns.since(plan.phases.warmup_ends).saturating_sub(piece);
        }
    }
    cut.with_lengths(lengths)
}

fn begins(plan: &Plan, index: usize) -> Option<SimTime> {
    match plan.faults[index].start {
        Start::At { at_ns } => Some(at_ns),
        Start::On { .. } => None,
    }
}

/// When the last fault that began before this moment has ended; the beginning of the disturb phase if there is
/// none. A fault that still acts leaves nothing to cut out.
fn end_of_the_one_before(plan: &Plan, moment: SimTime) -> SimTime {
    let earlier = plan.faults.iter().filter_map(|fault| match fault.start {
        Start::At { at_ns } if at_ns < moment => Some(at_ns + fault.lasts),
        _ => None,
    });
    earlier.max().unwrap_or(plan.phases.warmup_ends).max(plan.phases.warmup_ends).min(moment)
}

/// The last moment at which a fault begins, counted from the beginning of the disturb phase.
fn last_begin(plan: &Plan) -> Duration {
    let begins = (0..plan.faults.len()).filter_map(|index| begins(plan, index));
    begins.max().map_or(Duration::ZERO, |at| at.since(plan.phases.warmup_ends))
}
