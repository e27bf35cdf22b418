//! [proptest](https://docs.rs/proptest) strategies for clusters, faults, workloads and whole plans, so that a test
//! in Rust can claim something of every outage rather than of one.
//!
//! A [`Ground`] is what all plans of a test have in common: a cluster, phases, what must hold, and what is known not to.
//! [`Ground::holds`] runs one plan; when the claim fails it shrinks the plan with [`shrink`](crate::shrink) and puts the
//! smallest failing scenario in a folder, as a file that a person can read and `sim run` can run.

mod faults;
mod found;
mod workloads;

pub use faults::{faults, starts};
pub use workloads::workloads;

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::NoShrink;

use crate::cluster::{ClusterMaker, Topology};
use crate::cluster_files::ClusterFiles;
use crate::expectation::Expectation;
use crate::explore::Known;
use crate::finding::{Finding, Findings, Source};
use crate::plan::{Content, Phases, Plan, SCHEMA_VERSION};
use crate::trace::NodeName;

/// What the plans of a test have in common.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Clusters to choose from, with the names that each has; the first is the one that was given.
    clusters: Vec<(ClusterFiles, Topology)>,
    made_by: String,
    title: String,
    lengths: [Duration; 4],
    faults_max: usize,
    expectations: Vec<Expectation>,
    known: Known,
}

impl Ground {
    /// Reads a cluster's folder, and the weaknesses of that cluster that are written down beside it, in
    /// `<folder>.known.toml`: a property does not fail for them.
    ///
    /// # Errors
    /// A folder that cannot be read; everything that is wrong with its files.
    pub fn load(folder: impl AsRef<Path>, maker: &dyn ClusterMaker) -> Result<Self, Findings> {
        let folder = folder.as_ref();
        let files = ClusterFiles::read(folder).map_err(|error| {
            let source = Source::new(folder.display().to_string(), "");
            Findings::from_iter([Finding::error(&source, 0..0, error.to_string())])
        })?;
        let known = Known::path_of(folder);
        let known = if known.exists() { Known::read(&known)? } else { Known::default() };
        Ok(Self::of(files, maker)?.knowing(known))
    }

    /// A cluster of these files. A run has 3 minutes of warm-up, 5 in which up to three faults act, 1 to heal and 5
    /// to settle.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn of(files: ClusterFiles, maker: &dyn ClusterMaker) -> Result<Self, Findings> {
        let (topology, _) = maker.topology(&files)?;
        Ok(Self {
            clusters: vec![(files, topology)],
            made_by: maker.version(),
            title: "Whatever goes wrong, what is expected holds.".to_owned(),
            lengths: [180, 300, 60, 300].map(Duration::from_secs),
            faults_max: 3,
            expectations: Vec::new(),
            known: Known::default(),
        })
    }

    /// These weaknesses are known, and no others: `Known::default()` for none.
    #[must_use]
    pub fn knowing(mut self, known: Known) -> Self {
        self.known = known;
        self
    }

    /// What must hold, in a sentence.
    ///
    /// # Panics
    /// On a sentence that is not understood: it is part of the test's own text.
    #[must_use]
    pub fn expect(mut self, sentence: &str) -> Self {
        let expectation = Expectation { text: sentence.to_owned() };
        if let Err(error) = expectation.claim() {
            panic!("`{sentence}` is not understood: {error}");
        }
        self.expectations.push(expectation);
        self
    }

    /// How long warm-up, disturb, heal and settle last.
    #[must_use]
    pub fn phases(mut self, lengths: [Duration; 4]) -> Self {
        self.lengths = lengths;
        self
    }

    /// At most so many faults in one plan.
    #[must_use]
    pub fn faults_max(mut self, most: usize) -> Self {
        self.faults_max = most;
        self
    }

    /// Smaller clusters, too: all that are left when one, two or more of the nodes that can go are taken out.
    #[must_use]
    pub fn smaller_clusters(mut self, maker: &dyn ClusterMaker) -> Self {
        let mut from = 0;
        while from < self.clusters.len() {
            let (files, topology) = self.clusters[from].clone();
            let nodes: Vec<NodeName> = topology.nodes().cloned().collect();
            for node in nodes {
                let Ok(files) = maker.without_node(&files, &node) else { continue };
                let Ok((topology, _)) = maker.topology(&files) else { continue };
                if !self.clusters.iter().any(|(known, _)| known.files == files.files) {
                    self.clusters.push((files, topology));
                }
            }
            from += 1;
        }
        self
    }

    /// A cluster: the one that was given, or one of the smaller ones.
    pub fn clusters(&self) -> impl Strategy<Value = ClusterFiles> + use<> {
        let files: Vec<ClusterFiles> = self.clusters.iter().map(|(files, _)| files.clone()).collect();
        proptest::sample::select(files)
    }

    /// Whole plans. proptest does not simplify them: [`Ground::holds`] does, better and sooner.
    pub fn plans(&self) -> NoShrink<impl Strategy<Value = Plan> + use<>> {
        self.simplified_plans().no_shrink()
    }

    /// Whole plans that proptest simplifies in its own way: for tests that look at plans without running them.
    pub fn simplified_plans(&self) -> impl Strategy<Value = Plan> + use<> {
        let phases = Phases::of_lengths(self.lengths);
        // What is drawn must fit the cluster that is drawn: one strategy a cluster, and a choice among them.
        let of_cluster = |(files, topology): &(ClusterFiles, Topology)| {
            let base = Plan {
                schema_version: SCHEMA_VERSION,
                made_by: self.made_by.clone(),
                scenario: "property".into(),
                title: self.title.clone(),
                seed: 1,
                phases: phases.clone(),
                workloads: Vec::new(),
                faults: Vec::new(),
                expectations: self.expectations.clone(),
                planted_bug: None,
                content: Content::default(),
                timing: Default::default(),
                cluster: files.clone(),
            };
            let drawn =
                (1_u64..1000, faults(topology, &phases, self.faults_max), workloads(topology, &phases));
            drawn
                .prop_map(move |(seed, faults, workloads)| Plan { seed, faults, workloads, ..base.clone() })
                .boxed()
        };
        proptest::strategy::Union::new(self.clusters.iter().map(of_cluster))
    }
}
