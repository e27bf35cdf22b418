//! What many batches found together: the same whatever the order in which they are added.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::coverage::Cells;
use super::draw::Draw;
use super::{Batch, Header};
use crate::plan::Plan;
use crate::signature::Signature;

/// One way to fail, over all batches.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// In how many runs.
    pub runs: u64,
    /// In how many batches.
    pub batches: u64,
    /// The seed of the first batch that found it, and the run in it.
    pub first: (u64, u32),
    /// The seed of the batch and the run that show it most simply.
    pub simplest: (u64, u32),
    /// What was drawn for that run.
    pub draw: Draw,
}

/// What many batches found. Its memory grows with what was found and with the number of seeds, and holds no runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What is explored.
    pub header: Header,
    /// The seeds of the batches.
    pub seeds: BTreeSet<u64>,
    /// How many runs there were.
    pub runs: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The events of all of them.
    pub events: u64,
    /// In how many runs each mark was left.
    pub marks: BTreeMap<Arc<str>, u64>,
    /// In how many runs each kind of fault acted.
    pub faults: BTreeMap<Arc<str>, u64>,
    /// What was reached.
    pub cells: Cells,
    /// What was found.
    pub findings: BTreeMap<Signature, Finding>,
}

impl Summary {
    /// Of no batch yet.
    pub fn new(header: Header) -> Self {
        Self {
            header,
            seeds: BTreeSet::new(),
            runs: 0,
            failed: 0,
            events: 0,
            marks: BTreeMap::new(),
            faults: BTreeMap::new(),
            cells: Cells::default(),
            findings: BTreeMap::new(),
        }
    }

    /// Adds a batch, unless its seed is there; whether it was added.
    pub fn add(&mut self, batch: &Batch) -> bool {
        if !self.seeds.insert(batch.seed) {
            return false;
        }
        self.runs += u64::from(batch.runs);
        self.failed += u64::from(batch.failed);
        self.events += batch.events;
        for (own, batch) in [(&mut self.marks, &batch.marks), (&mut self.faults, &batch.faults)] {
            for (name, runs) in batch {
                *own.entry(name.clone()).or_default() += u64::from(*runs);
            }
        }
        self.cells.add(&batch.cells);
        for found in &batch.found {
            let (first, simplest) = ((batch.seed, found.first), (batch.seed, found.simplest));
            let finding = self.findings.entry(found.signature.clone()).or_insert_with(|| Finding {
                runs: 0,
                batches: 0,
                first,
                simplest,
                draw: found.draw.clone(),
            });
            finding.runs += u64::from(found.runs);
            finding.batches += 1;
            finding.first = finding.first.min(first);
            if (found.draw.effort(), simplest) < (finding.draw.effort(), finding.simplest) {
                (finding.simplest, finding.draw) = (simplest, found.draw.clone());
            }
        }
        true
    }

    /// The plan that shows a finding.
    pub fn plan(&self, finding: &Finding) -> Plan {
        finding.draw.plan(&self.header.base)
    }
}
