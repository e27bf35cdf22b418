//! What a sweep found: the failures of its runs, one finding a root cause.

use std::collections::{BTreeMap, BTreeSet};

use super::cases::{Case, Sweep};
use super::repeats::Repeat;
use super::store::Line;
use crate::signature::Signature;

/// One way in which faults break what must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What the failures have in common.
    pub signature: Signature,
    /// The name of the known weakness that explains it.
    pub weakness: Option<String>,
    /// Whether it was met only where a fault [denies it by definition](Sweep::is_by_definition).
    pub is_by_definition: bool,
    /// In how many cases it was met, those among them that repeat one that was run.
    pub cases: u64,
    /// The first of them; where some are not by definition, of these.
    pub first: Vec<Case>,
    /// The faults that give it, by their places.
    pub faults: BTreeSet<usize>,
    /// The moments at which they do, by their places.
    pub moments: BTreeSet<usize>,
}

impl Finding {
    /// Whether it is neither known nor what the faults are.
    pub fn is_new(&self) -> bool {
        self.weakness.is_none() && !self.is_by_definition
    }
}

/// All findings, by signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    found: BTreeMap<Signature, Finding>,
}

impl Findings {
    /// Takes in a case, or several together, that failed so.
    pub(super) fn add(&mut self, cases: &[Case], signature: &Signature, sweep: &Sweep) {
        let finding = self.found.entry(signature.clone()).or_insert_with(|| Finding {
            signature: signature.clone(),
            weakness: sweep.known().explains(signature).map(|weakness| weakness.name.clone()),
            is_by_definition: true,
            cases: 0,
            first: cases.to_vec(),
            faults: BTreeSet::new(),
            moments: BTreeSet::new(),
        });
        finding.cases += 1;
        let is_by_definition = sweep.is_by_definition(cases, signature);
        finding.is_by_definition &= is_by_definition;
        // The first that says something of the cluster.
        if (is_by_definition, cases) < (sweep.is_by_definition(&finding.first, signature), &finding.first) {
            finding.first = cases.to_vec();
        }
        finding.faults.extend(cases.iter().map(|case| case.fault));
        finding.moments.extend(cases.iter().map(|case| case.moment));
    }

    /// All of them, what is new first; then those of most cases first.
    pub fn list(&self) -> Vec<&Finding> {
        let mut list: Vec<&Finding> = self.found.values().collect();
        list.sort_by_key(|finding| (!finding.is_new(), std::cmp::Reverse(finding.cases)));
        list
    }

    /// Those that are new.
    pub fn new_ones(&self) -> Vec<&Finding> {
        self.list().into_iter().filter(|finding| finding.is_new()).collect()
    }

    /// The names of the known weaknesses that explain some of the others.
    pub fn weaknesses(&self) -> BTreeSet<&str> {
        self.found.values().filter_map(|finding| finding.weakness.as_deref()).collect()
    }

    /// The kinds of the faults that deny by definition what some of the others break.
    pub fn denied_by<'a>(&self, sweep: &'a Sweep) -> BTreeSet<&'a str> {
        let denied =
            self.found.values().filter(|finding| finding.weakness.is_none() && finding.is_by_definition);
        denied.flat_map(|finding| sweep.denying_kinds(&finding.faults)).collect()
    }
}

/// How far a sweep came, and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// What single faults break.
    pub findings: Findings,
    /// What only pairs of faults break.
    pub pair_findings: Findings,
    /// Single faults: cases that were run.
    pub ran: u64,
    /// Cases that are the run without faults.
    pub nothing_to_kill: u64,
    /// Cases that repeat the run of an earlier moment.
    pub of_earlier_moments: u64,
    /// Cases that are not run yet.
    pub left: u64,
    /// Cases that broke something in a way that is new, those among them that repeat one that was run.
    pub broken: u64,
    /// Cases that broke nothing but what their fault denies by definition, or that and what is known, counted in the same
    /// way.
    pub broken_by_definition: u64,
    /// Cases that broke something in known ways only, counted in the same way.
    pub broken_as_known: u64,
    /// Pairs: how many there are, how many were run, and how many were left out because one of the two breaks
    /// something alone.
    pub pairs: PairCounts,
}

/// How many pairs there are, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairCounts {
    /// All pairs within the window; zero when none were asked for.
    pub all: u64,
    /// Pairs that were run.
    pub ran: u64,
    /// Pairs that were drawn and left out because one of the two breaks something alone, in a way that is not known.
    pub implied: u64,
}

impl Swept {
    /// Puts together what the runs of a sweep gave.
    pub fn of(sweep: &Sweep, lines: &[Line]) -> Self {
        let mut swept = Swept::default();
        let mut failed = Vec::new();
        let mut singles: BTreeMap<Case, &BTreeSet<Signature>> = BTreeMap::new();
        for line in lines {
            match line.cases.as_slice() {
                [single] => {
                    singles.insert(*single, &line.fails);
                }
                pair => {
                    swept.pairs.ran += 1;
                    line.fails.iter().for_each(|signature| swept.pair_findings.add(pair, signature, sweep));
                }
            }
        }
        for case in sweep.cases() {
            let run = match sweep.repeat(case) {
                Some(Repeat::NothingToKill) => {
                    swept.nothing_to_kill += 1;
                    continue;
                }
                Some(Repeat::OfMoment(moment)) => {
                    swept.of_earlier_moments += 1;
                    Case { moment, ..case }
                }
                None => {
                    let there = singles.contains_key(&case);
                    swept.ran += u64::from(there);
                    swept.left += u64::from(!there);
                    case
                }
            };
            let Some(fails) = singles.get(&run) else { continue };
            fails.iter().for_each(|signature| swept.findings.add(&[case], signature, sweep));
            failed.extend((!fails.is_empty()).then_some(*fails));
        }
        // What is new is known when all cases are there.
        for fails in failed {
            let findings = || fails.iter().map(|signature| &swept.findings.found[signature]);
            let count = if findings().any(Finding::is_new) {
                &mut swept.broken
            } else if findings().any(|finding| finding.weakness.is_none()) {
                &mut swept.broken_by_definition
            } else {
                &mut swept.broken_as_known
            };
            *count += 1;
        }
        // What a single fault breaks is no finding of pairs.
        swept.pair_findings.found.retain(|signature, _| !swept.findings.found.contains_key(signature));
        swept
    }

    /// Whether everything that was to be run was, and nothing new was broken.
    pub fn holds(&self) -> bool {
        self.left == 0 && !self.breaks_anew()
    }

    /// Whether something was broken in a way that is neither known nor what the faults are.
    pub fn breaks_anew(&self) -> bool {
        !self.findings.new_ones().is_empty() || !self.pair_findings.new_ones().is_empty()
    }
}
