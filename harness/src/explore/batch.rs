//! The unit of exploration: so many runs of one seed, which learn from each other and from nobody else.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::coverage::{Cells, Place, Reached};
use super::draw::{Draw, Ground};
use super::{mutate, roots};
use crate::cluster::{ClusterMaker, Topology};
use crate::jobs::Panicked;
use crate::plan::Plan;
use crate::rng::{below, stream};
use crate::run::{self, RunError};
use crate::signature::Signature;

/// So many of a batch's runs are drawn on their own before any is a neighbour of another.
const FRESH_FIRST: u32 = 12;
/// A mark that no run of the batch has left before counts as much as so many cells.
const MARK_IS_WORTH: u64 = 64;

/// What one batch found. A function of the exploration and the seed: neither time nor other batches have a part
/// in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The seed.
    pub seed: u64,
    /// How many runs it is.
    pub runs: u32,
    /// How many of them failed.
    pub failed: u32,
    /// The events of all of them.
    pub events: u64,
    /// In how many runs each mark was left.
    pub marks: BTreeMap<Arc<str>, u32>,
    /// In how many runs each kind of fault acted.
    pub faults: BTreeMap<Arc<str>, u32>,
    /// What was found, one entry a signature.
    pub found: Vec<Found>,
    /// What all runs reached.
    pub cells: Cells,
}

/// One way to fail, as a batch met it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What it is.
    pub signature: Signature,
    /// In how many runs.
    pub runs: u32,
    /// The first of them, counted from 0.
    pub first: u32,
    /// The simplest of them.
    pub simplest: u32,
    /// What was drawn for that one.
    pub draw: Draw,
}

/// Runs batches.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    ground: Ground<'a>,
    runs: u32,
}

/// A draw that reached something new, and what it is worth.
struct Promising {
    draw: Draw,
    worth: u64,
}

/// What a batch has so far.
struct Progress {
    batch: Batch,
    places: Vec<Place>,
    corpus: Vec<Promising>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(base: &'a Plan, topology: &Topology, runs: u32) -> Self {
        Self { ground: Ground::new(base, topology), runs }
    }

    /// The batch of a seed; none when it was stopped before its end.
    pub(super) fn batch(&self, seed: u64, maker: &dyn ClusterMaker, stop: &AtomicBool) -> Option<Batch> {
        let batch = Batch {
            seed,
            runs: self.runs,
            failed: 0,
            events: 0,
            marks: BTreeMap::new(),
            faults: BTreeMap::new(),
            found: Vec::new(),
            cells: Cells::default(),
        };
        let mut progress = Progress { batch, places: Vec::new(), corpus: Vec::new() };
        for number in 0..self.runs {
            let draw = self.draw(seed, number, &progress);
            let (reached, signatures) = examine(&draw.plan(self.ground.base), maker, stop)?;
            progress.note(number, draw, &reached, &signatures);
        }
        Some(progress.batch)
    }

    fn draw(&self, seed: u64, number: u32, progress: &Progress) -> Draw {
        let own_seed = seed.wrapping_mul(1_000_000).wrapping_add(u64::from(number));
        if number == 0 {
            return self.ground.calm(own_seed);
        }
        // A stream a run: what one run draws changes nothing of what the others do.
        let mut rng = stream(seed, &format!("explore/{number}"));
        let learns = number > FRESH_FIRST && !progress.corpus.is_empty() && below(&mut rng, 4) > 0;
        if !learns {
            return self.ground.fresh(own_seed, &mut rng, &progress.places);
        }
        let (parent, other) = (progress.weighted(&mut rng), progress.weighted(&mut rng));
        mutate::neighbour(&self.ground, parent, other, own_seed, &mut rng, &progress.places)
    }
}

impl Progress {
    /// A draw of the corpus: the more it is worth, the likelier.
    fn weighted(&self, rng: &mut ChaCha8Rng) -> &Draw {
        let total = self.corpus.iter().map(|one| one.worth).sum();
        let mut left = below(rng, total);
        for one in &self.corpus {
            if left < one.worth {
                return &one.draw;
            }
            left -= one.worth;
        }
        unreachable!("the draw is below the sum of all weights")
    }

    fn note(&mut self, number: u32, draw: Draw, reached: &Reached, signatures: &BTreeSet<Signature>) {
        let batch = &mut self.batch;
        if number == 0 {
            self.places = reached.places();
        }
        batch.events += reached.events;
        batch.failed += u32::from(!signatures.is_empty());
        let new_marks = reached.marks.iter().filter(|mark| !batch.marks.contains_key(*mark)).count() as u64;
        for mark in &reached.marks {
            *batch.marks.entry(mark.clone()).or_default() += 1;
        }
        for kind in &reached.faults {
            *batch.faults.entry(kind.clone()).or_default() += 1;
        }
        for signature in roots::roots(signatures) {
            match batch.found.iter_mut().find(|found| found.signature == signature) {
                Some(found) => {
                    found.runs += 1;
                    if draw.effort() < found.draw.effort() {
                        (found.simplest, found.draw) = (number, draw.clone());
                    }
                }
                None => {
                    let (first, simplest) = (number, number);
                    batch.found.push(Found { signature, runs: 1, first, simplest, draw: draw.clone() });
                }
            }
        }
        let worth = u64::from(batch.cells.add(&reached.cells)) + MARK_IS_WORTH * new_marks;
        if worth > 0 && !draw.faults.is_empty() {
            self.corpus.push(Promising { draw, worth });
        }
    }
}

/// Runs a plan: what it reached, and the signatures of everything that failed. None when it was stopped.
pub(super) fn examine(
    plan: &Plan,
    maker: &dyn ClusterMaker,
    stop: &AtomicBool,
) -> Option<(Reached, BTreeSet<Signature>)> {
    let reached = Rc::default();
    let sinks = vec![Box::new(Reached::sink(&reached)) as Box<dyn crate::trace::Sink>];
    // A panic is a finding too, and the batch goes on.
    let survey = catch_unwind(AssertUnwindSafe(|| run::survey(plan, maker, sinks, Some(stop))));
    let signatures = match survey {
        Ok(Ok(judgement)) => judgement.verdicts.iter().filter_map(Signature::of).collect(),
        Ok(Err(RunError::Stopped)) => return None,
        // What is drawn fits the cluster, which was understood before: a refusal is a bug of ours.
        Ok(Err(RunError::Refused(findings))) => {
            BTreeSet::from([Signature::of_panic(&Panicked(findings.to_string()))])
        }
        Err(panic) => BTreeSet::from([Signature::of_panic(&Panicked::of(&*panic))]),
    };
    let reached = RefCell::take(&reached);
    Some((reached, signatures))
}
