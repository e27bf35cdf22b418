//! Runs the cases of a sweep that are not run yet, several at a time, and keeps what each gave.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cases::{Case, Sweep};
use super::findings::Swept;
use super::pairs::Pairs;
use super::store::{Line, Store, StoreError};
use crate::cluster::ClusterMaker;
use crate::jobs;
use crate::shrink::{self, Shrunk};
use crate::signature::Signature;

/// How a sweep is run.
#[allow(missing_debug_implementations)]
pub struct Course<'a> {
    /// How many runs at a time.
    pub jobs: NonZeroUsize,
    /// Set from outside to end it early; set by the sweep when results cannot be kept.
    pub stop: &'a AtomicBool,
    /// Whether no further run is to begin: what runs is finished.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Told how many runs of how many are done, and how many root causes are found.
    pub progress: &'a (dyn Fn(u64, u64, usize) + Sync),
    /// The pairs to go through after the single faults, and how many of them at most; none: until it is over.
    pub pairs: Option<(&'a Pairs, Option<u64>)>,
}

/// So many pairs are drawn at a time: there may be more of them than can be held.
const DRAWN_AT_ONCE: u64 = 4096;

/// What came of it.
#[derive(Debug)]
pub struct Ended {
    /// How far it came and what it found.
    pub swept: Swept,
    /// Why the last result could not be kept.
    pub store_error: Option<StoreError>,
}

/// Runs what is not in `lines` yet, and adds it there and to the store.
pub fn go(
    sweep: &Sweep,
    lines: &mut Vec<Line>,
    mut store: Option<&mut Store>,
    maker: &dyn ClusterMaker,
    course: &Course<'_>,
) -> Ended {
    let done: BTreeSet<Vec<Case>> = lines.iter().map(|line| line.cases.clone()).collect();
    let singles: Vec<Vec<Case>> =
        sweep.to_run().map(|case| vec![case]).filter(|cases| !done.contains(cases)).collect();
    let mut store_error = run_all(sweep, &singles, lines, &mut store, maker, course);
    let mut swept = Swept::of(sweep, lines);
    if let Some((pairs, budget)) = course.pairs
        && swept.left == 0
        && store_error.is_none()
    {
        let broken = broken_alone(sweep, lines);
        let most = budget.unwrap_or(u64::MAX).min(pairs.count());
        let (mut from, mut left_out) = (0, 0);
        while from < most && store_error.is_none() && !is_over(course) {
            let to = most.min(from + DRAWN_AT_ONCE);
            let (implied, open): (Vec<_>, Vec<_>) = (from..to)
                .map(|number| pairs.pair(number))
                .partition(|pair| pair.iter().any(|case| broken.contains(case)));
            let open: Vec<Vec<Case>> =
                open.into_iter().map(|pair| pair.to_vec()).filter(|cases| !done.contains(cases)).collect();
            store_error = run_all(sweep, &open, lines, &mut store, maker, course);
            left_out += implied.len() as u64;
            from = to;
        }
        swept = Swept::of(sweep, lines);
        swept.pairs.all = pairs.count();
        swept.pairs.implied = left_out;
    }
    Ended { swept, store_error }
}

fn is_over(course: &Course<'_>) -> bool {
    course.stop.load(Ordering::Relaxed) || (course.is_over)()
}

/// The cases that break something without another, in a way that is not known: a known weakness shows in so many that
/// little would be left.
fn broken_alone(sweep: &Sweep, lines: &[Line]) -> BTreeSet<Case> {
    let fails: BTreeMap<Case, bool> = (lines.iter())
        .filter_map(|line| match line.cases.as_slice() {
            [case] => {
                Some((*case, line.fails.iter().any(|signature| sweep.known().explains(signature).is_none())))
            }
            _ => None,
        })
        .collect();
    let stands_for = |case: &Case| match sweep.repeat(*case) {
        Some(super::Repeat::OfMoment(moment)) => Case { moment, ..*case },
        _ => *case,
    };
    sweep.cases().filter(|case| fails.get(&stands_for(case)).copied().unwrap_or(false)).collect()
}

fn run_all(
    sweep: &Sweep,
    open: &[Vec<Case>],
    lines: &mut Vec<Line>,
    store: &mut Option<&mut Store>,
    maker: &dyn ClusterMaker,
    course: &Course<'_>,
) -> Option<StoreError> {
    let before = lines.len() as u64;
    let total = before + open.len() as u64;
    let mut causes: BTreeSet<Signature> = lines.iter().flat_map(|line| line.fails.clone()).collect();
    let mut store_error = None;
    (course.progress)(before, total, causes.len());
    let enough = AtomicBool::new(false);
    let work = |number: usize| {
        if is_over(course) {
            enough.store(true, Ordering::Relaxed);
            return None;
        }
        sweep.fails(&open[number], maker, course.stop)
    };
    jobs::each(open.len(), course.jobs, &enough, work, |number, result| {
        let fails = match result {
            Ok(Some(fails)) => fails,
            Ok(None) => return,
            Err(panicked) => BTreeSet::from([Signature::of_panic(&panicked)]),
        };
        if store_error.is_some() {
            return;
        }
        let line = Line { cases: open[number].clone(), fails };
        if let Some(store) = store
            && let Err(error) = store.add(&line)
        {
            store_error = Some(error);
            course.stop.store(true, Ordering::Relaxed);
            enough.store(true, Ordering::Relaxed);
            return;
        }
        causes.extend(line.fails.iter().cloned());
        lines.push(line);
        (course.progress)(lines.len() as u64, total, causes.len());
    });
    store_error
}

/// Makes the first case of every finding that is new small, with at most so many runs each.
pub fn shrink_findings(
    sweep: &Sweep,
    swept: &Swept,
    maker: &dyn ClusterMaker,
    runs_max: u64,
    stop: &AtomicBool,
) -> Vec<(Signature, Option<Shrunk>)> {
    let mut all = swept.findings.new_ones();
    all.extend(swept.pair_findings.new_ones());
    let small = |finding: &super::Finding| {
        let options = shrink::Options { runs_max: Some(runs_max), stop: Some(stop), progress: None };
        let shrunk = shrink::shrink(&sweep.plan(&finding.first), &finding.signature, maker, options);
        (finding.signature.clone(), shrunk.ok())
    };
    all.into_iter().take_while(|_| !stop.load(Ordering::Relaxed)).map(small).collect()
}
