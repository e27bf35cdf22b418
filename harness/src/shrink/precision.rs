//! What is left becomes round: times, spans and figures with fewer digits, simpler events to wait for, the first
//! seed.

use std::time::Duration;

use super::{Aspect, Ended, Shrinker, Step, Subject, figures, rounder};
use crate::plan::{Plan, Start};
use crate::scenario::workload::default_timeout;
use crate::trace::event::Phase;

pub(super) fn pass(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    first_seed(shrinker)?;
    for index in 0..shrinker.plan.faults.len() {
        let subject = Subject::Fault(shrinker.plan.faults[index].name.clone());
        simpler_trigger(shrinker, index, &subject)?;
        round(
            shrinker,
            &subject,
            &Aspect::Start,
            |plan| match &plan.faults[index].start {
                Start::At { at_ns } => Some(at_ns.since(plan.phases.warmup_ends)),
                Start::On { .. } => None,
            },
            |plan, span| {
                plan.faults[index].start = Start::At { at_ns: plan.phases.warmup_ends + span };
            },
        )?;
        let length = |plan: &Plan| Some(plan.faults[index].lasts);
        round(shrinker, &subject, &Aspect::Length, length, |plan, span| plan.faults[index].lasts = span)?;
        let every = |plan: &Plan| plan.faults[index].repeats.map(|repeats| repeats.every);
        round(shrinker, &subject, &Aspect::Rate, every, |plan, span| {
            if let Some(repeats) = &mut plan.faults[index].repeats {
                repeats.every = span;
            }
        })?;
        rounder_figures(shrinker, index, &subject)?;
    }
    for index in 0..shrinker.plan.workloads.len() {
        let subject = Subject::Workload(index);
        usual_timeout(shrinker, index)?;
        let first = |plan: &Plan| Some(plan.workloads[index].first.since(plan.phases.warmup_ends));
        round(shrinker, &subject, &Aspect::Start, first, |plan, span| {
            plan.workloads[index].first = plan.phases.warmup_ends + span;
        })?;
        let every = |plan: &Plan| Some(plan.workloads[index].every);
        round(shrinker, &subject, &Aspect::Rate, every, |plan, span| plan.workloads[index].every = span)?;
        let until = |plan: &Plan| plan.workloads[index].until_offset(&plan.phases);
        round(shrinker, &subject, &Aspect::End, until, |plan, span| {
            plan.workloads[index].until = plan.phases.warmup_ends + span;
        })?;
    }
    for (place, phase) in [Phase::Warmup, Phase::Disturb, Phase::Heal, Phase::Settle].into_iter().enumerate()
    {
        let length = |plan: &Plan| Some(plan.phases.lengths()[place]);
        round(shrinker, &Subject::Phase(phase), &Aspect::Length, length, |plan, span| {
            let mut lengths = plan.phases.lengths();
            lengths[place] = span;
            *plan = plan.with_lengths(lengths);
        })?;
    }
    Ok(())
}

/// Tries the spans near the one that the plan has, as long as one with fewer digits does as well.
fn round(
    shrinker: &mut Shrinker<'_>,
    subject: &Subject,
    aspect: &Aspect,
    get: impl Fn(&Plan) -> Option<Duration>,
    set: impl Fn(&mut Plan, Duration),
) -> Result<(), Ended> {
    let Some(span) = get(&shrinker.plan) else { return Ok(()) };
    for candidate in rounder::spans(span) {
        let step = Step::to_span(subject.clone(), aspect.clone(), candidate);
        if shrinker.attempt(step, |plan| set(plan, candidate))? {
            break;
        }
    }
    Ok(())
}

fn rounder_figures(shrinker: &mut Shrinker<'_>, index: usize, subject: &Subject) -> Result<(), Ended> {
    loop {
        let mut changed = false;
        for rounder in figures::rounder_kinds(&shrinker.plan.faults[index].kind) {
            let step = Step::to_words(subject.clone(), Aspect::Figure(rounder.name), rounder.shown);
            if shrinker.attempt(step, |plan| plan.faults[index].kind = rounder.kind)? {
                changed = true;
                break;
            }
        }
        if !changed {
            return Ok(());
        }
    }
}

fn simpler_trigger(shrinker: &mut Shrinker<'_>, index: usize, subject: &Subject) -> Result<(), Ended> {
    let Start::On { with, node, nth, .. } = shrinker.plan.faults[index].start.clone() else { return Ok(()) };
    for earlier in 1..nth.min(4) {
        let step = Step::to_words(subject.clone(), Aspect::Start, format!("the event number {earlier}"));
        let changed = shrinker.attempt(step, |plan| {
            if let Start::On { nth, .. } = &mut plan.faults[index].start {
                *nth = earlier;
            }
        })?;
        if changed {
            break;
        }
    }
    if node.is_some() {
        let step = Step::to_words(subject.clone(), Aspect::Start, "the event on any node");
        shrinker.attempt(step, |plan| {
            if let Start::On { node, .. } = &mut plan.faults[index].start {
                *node = None;
            }
        })?;
    }
    for field in with.keys() {
        let step = Step::to_words(subject.clone(), Aspect::Start, format!("the event with any {field}"));
        shrinker.attempt(step, |plan| {
            if let Start::On { with, .. } = &mut plan.faults[index].start {
                with.remove(field);
            }
        })?;
    }
    Ok(())
}

fn usual_timeout(shrinker: &mut Shrinker<'_>, index: usize) -> Result<(), Ended> {
    let usual = default_timeout(&shrinker.plan.workloads[index].kind);
    let aspect = Aspect::Figure("timeout".to_owned());
    shrinker.attempt(Step::to_span(Subject::Workload(index), aspect, usual), |plan| {
        plan.workloads[index].timeout = usual;
    })?;
    Ok(())
}

/// The seed that is taken when none is asked for: whoever runs the scenario need not know another.
fn first_seed(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    for seed in 1..=3 {
        if seed < shrinker.plan.seed
            && shrinker.attempt(Step::to_words(Subject::Plan, Aspect::Seed, seed.to_string()), |plan| {
                plan.seed = seed;
            })?
        {
            break;
        }
    }
    Ok(())
}
