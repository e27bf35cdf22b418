//! Figures of a run: how long calls took, how long a publish took to be served, what the sync carried. They
//! judge nothing. Memory is bounded: spans of time are counted in a histogram.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::checker::Scene;
use crate::time::SimTime;
use crate::trace::event::{OpKind, OpOutcome};
use crate::trace::{Event, EventKind, NodeName};

/// Counts spans of time in buckets that are at most a 32nd part wide, from a microsecond up.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    buckets: BTreeMap<u32, u64>,
    count: u64,
    longest: Duration,
}

impl Histogram {
    /// How many buckets a doubling has, as a power of two.
    const FINE_BITS: u32 = 5;

    /// Counts one.
    pub fn add(&mut self, span: Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        *self.buckets.entry(Self::bucket(micros)).or_default() += 1;
        self.count += 1;
        self.longest = self.longest.max(span);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest, exactly.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The span that this share of them (in thousandths) does not exceed, to a 32nd part; none of nothing.
    pub fn quantile(&self, thousandths: u64) -> Option<Duration> {
        let rank = (self.count * thousandths).div_ceil(1000).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return Some(Duration::from_micros(Self::highest(*bucket)).min(self.longest));
            }
        }
        None
    }

    fn bucket(micros: u64) -> u32 {
        let fine = 1 << Self::FINE_BITS;
        if micros < fine {
            return micros as u32;
        }
        let shift = micros.ilog2() - Self::FINE_BITS;
        (shift << Self::FINE_BITS) + (micros >> shift) as u32
    }

    /// The highest value of a bucket.
    fn highest(bucket: u32) -> u64 {
        let fine = 1 << Self::FINE_BITS;
        if bucket < 2 * fine {
            return u64::from(bucket);
        }
        let shift = (bucket >> Self::FINE_BITS) - 1;
        let top = u64::from((bucket & (fine - 1)) + fine);
        (top << shift) + ((1 << shift) - 1)
    }
}

/// No more publishes than this wait to be served at one time; more are not measured.
const WAITING_MAX: usize = 10_000;

/// Measures one run.
#[derive(Debug, Default)]
pub struct Gauges {
    latencies: BTreeMap<&'static str, Histogram>,
    /// Acknowledged publishes that a worker does not serve yet.
    waiting: BTreeMap<(NodeName, Arc<str>), BTreeMap<u64, SimTime>>,
    waiting_count: usize,
    served: BTreeMap<NodeName, Histogram>,
    rsync: Rsync,
    rsync_began: BTreeMap<(u64, NodeName), SimTime>,
}

#[derive(Debug, Default)]
struct Rsync {
    runs: u64,
    failed: u64,
    files: u64,
    deleted: u64,
    bytes: u64,
    spans: Histogram,
}

impl Gauges {
    /// Sees one event.
    pub fn observe(&mut self, event: &Event, scene: &Scene) {
        match &event.kind {
            EventKind::OpEnded { what, started, outcome, .. } if scene.is_judged(*started) => {
                self.operation(event.at, what, *started, *outcome, scene);
            }
            EventKind::ApiDeployed { api, revision } => {
                if let Some(node) = &event.node {
                    self.deployed(event.at, node, api, *revision);
                }
            }
            EventKind::RsyncStarted { run, worker, .. } if self.rsync_began.len() < WAITING_MAX => {
                self.rsync_began.insert((*run, worker.clone()), event.at);
            }
            EventKind::RsyncEnded { run, worker, exit_code, files, deleted, bytes, .. } => {
                let began = self.rsync_began.remove(&(*run, worker.clone()));
                if scene.is_judged(event.at) {
                    self.rsync.runs += 1;
                    self.rsync.failed += u64::from(*exit_code != 0);
                    self.rsync.files += files;
                    self.rsync.deleted += deleted;
                    self.rsync.bytes += bytes;
                    self.rsync.spans.add(event.at.since(began.unwrap_or(event.at)));
                }
            }
            _ => {}
        }
    }

    /// The figures by name, the unit last.
    pub fn metrics(&self) -> BTreeMap<Arc<str>, u64> {
        let mut metrics = BTreeMap::new();
        let mut add = |name: String, value: u64| {
            metrics.insert(Arc::from(name), value);
        };
        for (what, histogram) in &self.latencies {
            // Calls are answered within milliseconds: their figures are told in microseconds.
            for (name, span) in quantiles(histogram) {
                add(format!("{what}_latency_us_{name}"), micros(span));
            }
        }
        for (worker, histogram) in &self.served {
            for (name, span) in quantiles(histogram) {
                add(format!("{worker}_publish_to_served_ms_{name}"), micros(span) / 1000);
            }
        }
        if self.rsync.runs > 0 {
            add("rsync_runs".to_owned(), self.rsync.runs);
            add("rsync_runs_failed".to_owned(), self.rsync.failed);
            add("rsync_files".to_owned(), self.rsync.files);
            add("rsync_files_deleted".to_owned(), self.rsync.deleted);
            add("rsync_bytes".to_owned(), self.rsync.bytes);
            for (name, span) in quantiles(&self.rsync.spans) {
                add(format!("rsync_run_ms_{name}"), micros(span) / 1000);
            }
        }
        metrics
    }

    fn operation(&mut self, at: SimTime, what: &OpKind, started: SimTime, outcome: OpOutcome, scene: &Scene) {
        let name = match what {
            OpKind::Call { .. } => "call",
            OpKind::Publish { .. } | OpKind::Delete { .. } => "publish",
            OpKind::Administer => "console",
            OpKind::Write { .. } => "write",
            OpKind::HealthCheck { .. } => "health",
        };
        self.latencies.entry(name).or_default().add(at.since(started));
        let OpKind::Publish { api, revision } = what else { return };
        if outcome == OpOutcome::Ok && self.waiting_count < WAITING_MAX {
            for worker in &scene.workers {
                let waiting = self.waiting.entry((worker.clone(), api.clone())).or_default();
                self.waiting_count += usize::from(waiting.insert(*revision, at).is_none());
            }
        }
    }

    /// A revision that is served has brought all earlier ones with it.
    fn deployed(&mut self, at: SimTime, node: &NodeName, api: &Arc<str>, revision: u64) {
        let Some(waiting) = self.waiting.get_mut(&(node.clone(), api.clone())) else { return };
        let later = waiting.split_off(&revision.saturating_add(1));
        let served = std::mem::replace(waiting, later);
        self.waiting_count = self.waiting_count.saturating_sub(served.len());
        for acknowledged in served.into_values() {
            self.served.entry(node.clone()).or_default().add(at.since(acknowledged));
        }
    }
}

fn quantiles(histogram: &Histogram) -> Vec<(&'static str, Duration)> {
    let mut list: Vec<(&'static str, Duration)> = [("p50", 500), ("p99", 990)]
        .into_iter()
        .filter_map(|(name, thousandths)| Some((name, histogram.quantile(thousandths)?)))
        .collect();
    if histogram.count() > 0 {
        list.push(("max", histogram.longest()));
    }
    list
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_to_a_32nd_part() {
        let mut histogram = Histogram::default();
        for millis in 1..=1000 {
            histogram.add(Duration::from_millis(millis));
        }
        for (thousandths, millis) in [(500, 500.0), (990, 990.0), (10, 10.0)] {
            let seen = histogram.quantile(thousandths).unwrap().as_secs_f64() * 1000.0;
            assert!(seen >= millis && seen <= millis * (1.0 + 1.0 / 32.0), "{thousandths}: {seen}");
        }
        assert_eq!(histogram.longest(), Duration::from_secs(1));
        assert_eq!(Histogram::default().quantile(500), None);
    }

    #[test]
    fn every_value_lies_in_its_bucket_and_no_bucket_is_wide() {
        for micros in (0..5000).chain([u64::MAX / 3, u64::MAX - 1, 1 << 40]) {
            let highest = Histogram::highest(Histogram::bucket(micros));
            assert!(highest >= micros && highest - micros <= micros / 32, "{micros}: {highest}");
        }
    }
}
