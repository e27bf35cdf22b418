//! Goes through the sets of components.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::account::Gone;
use super::exchange::Exchange;
use super::probe::{Absence, Probe};
use super::watch::{Seen, Watch};
use super::{Analysis, Counts, Cut, Group, Loss, NotThere, Part, SCHEMA_VERSION};
use crate::capability::Capability;
use crate::cluster::ClusterMaker;
use crate::cluster_files::ClusterFiles;
use crate::component::{Component, Components};
use crate::finding::Findings;
use crate::jobs::{self, Panicked};
use crate::plan::Plan;
use crate::report::Report;
use crate::run::{Options, RunError, run};
use crate::verdict::Status;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The cluster.
    pub files: ClusterFiles,
    /// Up to so many components are away together; at least 1.
    pub order: usize,
    /// For how long they are away.
    pub away: Duration,
    /// In how many moments of a minute an absence begins; at least 1.
    pub moments: u32,
    /// The seed of all runs.
    pub seed: u64,
    /// Whether of sets that are the same but for an exchange of nodes that are alike only one is examined.
    pub exchange: bool,
}

/// What the examination may use.
#[allow(missing_debug_implementations)]
pub struct Means<'a> {
    /// How many runs at a time.
    pub jobs: NonZeroUsize,
    /// Set from outside to end it early; what is finished is kept.
    pub stop: &'a AtomicBool,
    /// Told how many runs of how many are done, of those that are known to be needed.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// What came out.
#[derive(Debug)]
pub struct Examination {
    /// What is said.
    pub analysis: Analysis,
    /// The plans that it cites, by the names of their files.
    pub plans: BTreeMap<String, Plan>,
    /// Runs that ended in a panic: bugs of ours, each with its plan.
    pub panics: Vec<(Plan, Panicked)>,
}

/// What an absence can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    /// Nothing of a capability works for a while.
    Cuts(Capability),
    /// Operations of it fail; of what cuts it, too.
    Disturbs(Capability),
    /// Acknowledged publishes are lost.
    Loses,
}

impl Effect {
    fn all() -> impl Iterator<Item = Effect> {
        let of = |capability| [Effect::Cuts(capability), Effect::Disturbs(capability)];
        Capability::ALL.into_iter().flat_map(of).chain([Effect::Loses])
    }
}

/// What one run showed.
#[derive(Debug, Clone)]
struct Shown {
    moment: u32,
    gone: BTreeMap<Capability, Gone>,
    absence: Absence,
    lost: u64,
    oldest_lost: Duration,
    no_effect: Vec<String>,
}

/// Takes away every set of components of the cluster, up to the asked size.
///
/// # Errors
/// Everything that is wrong with the cluster's files.
pub fn examine(
    question: &Question,
    maker: &dyn ClusterMaker,
    means: &Means<'_>,
) -> Result<Examination, Findings> {
    let mut components = maker.components(&question.files)?;
    if !question.exchange {
        components.alike.clear();
    }
    let (files, seed) = (&question.files, question.seed);
    let probe = Probe::new(files, maker, seed, question.away, question.moments)?;
    let nothing = probe.nothing();
    let (normal, report) = match watched(&nothing, maker, means.stop) {
        Ok(seen) => seen,
        Err(RunError::Refused(findings)) => return Err(findings),
        Err(RunError::Stopped) => (Seen::default(), None),
    };
    let search = Search { probe: &probe, components: &components, normal: &normal, maker, means };
    let lost_anyway = report.as_ref().and_then(|report| report.metrics.get("publishes_lost").copied());
    let lost_anyway = lost_anyway.filter(|lost| *lost > 0);
    let mut state = State { effects: search.effects_there(lost_anyway), ..State::default() };
    let mut known = search.known(question);
    known.not_there = search.not_there(report.as_ref());
    known.lost_anyway = lost_anyway.unwrap_or(0);
    state.counts.runs = 1;
    for size in 1..=question.order.min(components.list.len()) {
        search.examine_sets_of(size, &mut state);
    }
    Ok(search.conclude(known, state))
}

/// Runs a plan and watches it.
fn watched(
    plan: &Plan,
    maker: &dyn ClusterMaker,
    stop: &AtomicBool,
) -> Result<(Seen, Option<Report>), RunError> {
    let watch = Watch::default();
    let sinks: Vec<Box<dyn crate::trace::Sink>> = vec![Box::new(watch.clone())];
    let outcome = run(plan, maker, Options { sinks, stop: Some(stop), progress: None })?;
    Ok((watch.seen(), Some(outcome.report)))
}

/// What stays the same.
struct Search<'a> {
    probe: &'a Probe,
    components: &'a Components,
    normal: &'a Seen,
    maker: &'a dyn ClusterMaker,
    means: &'a Means<'a>,
}

/// What is found out on the way.
#[derive(Default)]
struct State {
    /// What is there to be lost.
    effects: Vec<Effect>,
    /// The minimal sets of each effect, each with the run in which it was worst.
    minimal: BTreeMap<Effect, Vec<(Vec<usize>, Shown)>>,
    /// For components alone: why their faults found nothing to act on.
    no_effect: BTreeMap<usize, String>,
    panics: Vec<(Plan, Panicked)>,
    counts: Counts,
}

impl Search<'_> {
    fn effects_there(&self, lost_anyway: Option<u64>) -> Vec<Effect> {
        let there = |capability| self.why_not_there(capability).is_none();
        Effect::all()
            .filter(|effect| match effect {
                Effect::Cuts(capability) | Effect::Disturbs(capability) => there(*capability),
                Effect::Loses => there(Capability::Publish) && lost_anyway.is_none(),
            })
            .collect()
    }

    fn why_not_there(&self, capability: Capability) -> Option<String> {
        if !self.normal.exercised(capability) {
            return Some("nothing of it is seen even when nothing is missing".to_owned());
        }
        let gone = self.normal.gone(capability, self.probe.absence(0), self.normal)?;
        let (failed, of) = (gone.failed, gone.of);
        Some(format!("{failed} of {of} operations fail even when nothing is missing"))
    }

    fn not_there(&self, report: Option<&Report>) -> Vec<NotThere> {
        let met = |capability| {
            let outages = report.map(|report| report.outages.as_slice()).unwrap_or_default();
            let first = outages.iter().find(|outage| outage.capability == capability);
            first.map(|outage| format!(": {}", outage.cause)).unwrap_or_default()
        };
        let why = |capability| Some((capability, self.why_not_there(capability)?));
        (Capability::ALL.into_iter().filter_map(why))
            .map(|(capability, why)| NotThere { capability, why: why + &met(capability) })
            .collect()
    }

    fn examine_sets_of(&self, size: usize, state: &mut State) {
        let exchange = Exchange::of(self.components);
        let mut all = combinations(self.components.list.len(), size);
        loop {
            let mut sets = Vec::new();
            while sets.len() < SETS_AT_ONCE
                && let Some(set) = all.next()
            {
                if self.means.stop.load(Ordering::Relaxed) {
                    // There are more of them than anybody would wait for to be counted.
                    state.counts.stopped += 1 + sets.len() as u64;
                    return;
                }
                if exchange.representative(&set) != set {
                    state.counts.alike += 1;
                } else if state.effects.iter().all(|effect| state.holds_a_cut(*effect, &set, &exchange)) {
                    state.counts.implied += 1;
                } else {
                    sets.push(set);
                }
            }
            if sets.is_empty() {
                return;
            }
            self.examine_these(sets, &exchange, state);
        }
    }

    fn examine_these(&self, sets: Vec<Vec<usize>>, exchange: &Exchange<'_>, state: &mut State) {
        let moments = self.probe.moments() as usize;
        let done_before = state.counts.runs;
        let total = done_before + (sets.len() * moments) as u64;
        let mut shown: Vec<Vec<Shown>> = vec![Vec::new(); sets.len()];
        let plan_of = |number: usize| self.plan(&sets[number / moments], (number % moments) as u32);
        let work = |number: usize| self.show(&plan_of(number), (number % moments) as u32);
        jobs::each(sets.len() * moments, self.means.jobs, self.means.stop, work, |number, result| {
            match result {
                Ok(Some(seen)) => shown[number / moments].push(seen),
                Ok(None) => return,
                Err(panicked) => state.panics.push((plan_of(number), panicked)),
            }
            state.counts.runs += 1;
            (self.means.progress)(state.counts.runs, total);
        });
        for (set, shown) in sets.into_iter().zip(shown) {
            if shown.len() < moments && self.means.stop.load(Ordering::Relaxed) {
                state.counts.stopped += 1;
                continue;
            }
            state.counts.sets += 1;
            state.learn(&set, &shown, exchange);
        }
    }

    fn plan(&self, set: &[usize], moment: u32) -> Plan {
        let away: Vec<&Component> = set.iter().map(|&place| &self.components.list[place]).collect();
        self.probe.without(&away, moment)
    }

    /// Runs a plan; none when it was stopped.
    fn show(&self, plan: &Plan, moment: u32) -> Option<Shown> {
        let absence = self.probe.absence(moment);
        let (seen, report) = match watched(plan, self.maker, self.means.stop) {
            Ok((seen, report)) => (seen, report?),
            Err(RunError::Stopped) => return None,
            Err(RunError::Refused(findings)) => unreachable!("the files were read before: {findings}"),
        };
        let gone = |capability| Some((capability, seen.gone(capability, absence, self.normal)?));
        let lost = report.metrics.get("publishes_lost").copied().unwrap_or(0);
        let proofs = report.of("durability").filter(|verdict| verdict.status == Status::Fail);
        let proofs: Vec<_> = proofs.flat_map(|verdict| verdict.evidence.iter().copied()).collect();
        let lost_at = seen.moments_of(&proofs[..proofs.len().min(lost as usize)]);
        let oldest = lost_at.into_iter().min().map(|at| absence.from.since(at));
        Some(Shown {
            moment,
            absence,
            gone: Capability::ALL.into_iter().filter_map(gone).collect(),
            lost,
            oldest_lost: oldest.unwrap_or_default(),
            no_effect: seen.no_effect,
        })
    }

    /// What is known before anything is taken away.
    fn known(&self, question: &Question) -> Analysis {
        Analysis {
            schema_version: SCHEMA_VERSION,
            made_by: self.maker.version(),
            cluster: question.files.root.clone(),
            seed: question.seed,
            order: question.order,
            away_ms: millis(question.away),
            moments: question.moments,
            components: Vec::new(),
            alike: self.groups(),
            unlike: self.unlike(),
            not_there: Vec::new(),
            lost_anyway: 0,
            cuts: Vec::new(),
            losses: Vec::new(),
            examined: Counts::default(),
        }
    }

    fn conclude(&self, known: Analysis, state: State) -> Examination {
        let exchange = Exchange::of(self.components);
        let mut plans = BTreeMap::new();
        let (mut cuts, mut losses) = (Vec::new(), Vec::new());
        for (effect, sets) in &state.minimal {
            for (set, shown) in sets {
                // What cuts disturbs, too: it is told once.
                if let Effect::Disturbs(capability) = effect
                    && shown.gone[capability].entirely()
                {
                    continue;
                }
                let plan = self.plan(set, shown.moment);
                let file = format!("{}.{}.json", plan.scenario, shown.moment + 1);
                plans.insert(file.clone(), plan);
                let (components, also) = (self.names(set), self.also(set, &exchange));
                match effect {
                    Effect::Cuts(capability) | Effect::Disturbs(capability) => {
                        cuts.push(cut(*capability, components, also, shown, file));
                    }
                    Effect::Loses => losses.push(Loss {
                        components,
                        also,
                        publishes: shown.lost,
                        oldest_ms: millis(shown.oldest_lost),
                        plan: file,
                    }),
                }
            }
        }
        cuts.sort_by_key(|cut| (cut.capability, !cut.entirely, cut.components.len()));
        let components = self.parts(&state, &exchange);
        let analysis = Analysis { components, cuts, losses, examined: state.counts, ..known };
        Examination { analysis, plans, panics: state.panics }
    }

    fn names(&self, set: &[usize]) -> Vec<String> {
        set.iter().map(|&place| self.components.list[place].name.to_string()).collect()
    }

    /// The other sets that a representative stands for.
    fn also(&self, set: &[usize], exchange: &Exchange<'_>) -> Vec<Vec<String>> {
        if self.components.alike.is_empty() {
            return Vec::new();
        }
        let same = |other: &Vec<usize>| other != set && exchange.representative(other) == set;
        combinations(self.components.list.len(), set.len()).filter(same).map(|set| self.names(&set)).collect()
    }

    fn parts(&self, state: &State, exchange: &Exchange<'_>) -> Vec<Part> {
        let part = |(place, component): (usize, &Component)| {
            let examined = exchange.representative(&[place])[0];
            Part {
                name: component.name.to_string(),
                what: component.what.to_string(),
                examined_as: (examined != place).then(|| self.components.list[examined].name.to_string()),
                no_effect: state.no_effect.get(&examined).cloned(),
            }
        };
        self.components.list.iter().enumerate().map(part).collect()
    }

    fn groups(&self) -> Vec<Group> {
        (self.components.alike.iter())
            .map(|group| Group {
                nodes: group.nodes.iter().map(ToString::to_string).collect(),
                proof: group.proof.clone(),
                except: group.except.clone(),
            })
            .collect()
    }

    fn unlike(&self) -> Vec<String> {
        let told = |pair: &crate::component::Unlike| {
            let [one, other] = &pair.nodes;
            format!("{one} and {other} are not alike: {}", pair.why)
        };
        self.components.unlike.iter().map(told).collect()
    }
}

impl State {
    /// Whether a part of the set, smaller than it, has this effect already.
    fn holds_a_cut(&self, effect: Effect, set: &[usize], exchange: &Exchange<'_>) -> bool {
        let Some(minimal) = self.minimal.get(&effect) else { return false };
        let known = |part: &Vec<usize>| minimal.iter().any(|(known, _)| known == part);
        (1..set.len()).any(|size| {
            combinations(set.len(), size)
                .map(|places| places.into_iter().map(|place| set[place]).collect::<Vec<_>>())
                .any(|part| known(&exchange.representative(&part)))
        })
    }

    /// Takes in what the runs of one set have shown.
    fn learn(&mut self, set: &[usize], shown: &[Shown], exchange: &Exchange<'_>) {
        if let [alone] = set
            && let Some(why) = shown.iter().find_map(|shown| shown.no_effect.first())
        {
            self.no_effect.insert(*alone, why.clone());
        }
        for effect in self.effects.clone() {
            let worst = match effect {
                Effect::Cuts(capability) => {
                    worst(shown, |shown| Some(*shown.gone.get(&capability).filter(|gone| gone.entirely())?))
                }
                Effect::Disturbs(capability) => worst(shown, |shown| shown.gone.get(&capability).copied()),
                Effect::Loses => {
                    shown.iter().rev().filter(|shown| shown.lost > 0).max_by_key(|shown| shown.lost)
                }
            };
            if let Some(worst) = worst
                && !self.holds_a_cut(effect, set, exchange)
            {
                self.minimal.entry(effect).or_default().push((set.to_owned(), worst.clone()));
            }
        }
    }
}

/// The run in which a capability was gone longest; the first of several.
fn worst(shown: &[Shown], gone: impl Fn(&Shown) -> Option<Gone>) -> Option<&Shown> {
    let spans = shown.iter().filter_map(|shown| Some((gone(shown)?.span, shown)));
    spans.rev().max_by_key(|(span, _)| *span).map(|(_, shown)| shown)
}

fn cut(
    capability: Capability,
    components: Vec<String>,
    also: Vec<Vec<String>>,
    shown: &Shown,
    plan: String,
) -> Cut {
    let (gone, absence) = (&shown.gone[&capability], shown.absence);
    let recovery = shown.gone.values().map(|gone| gone.recovery(absence));
    let recovery: Option<Vec<Duration>> = recovery.collect();
    Cut {
        capability,
        components,
        also,
        entirely: gone.entirely(),
        from_ms: millis(gone.from.since(absence.from)),
        gone_ms: millis(gone.span),
        failed: gone.failed,
        of: gone.of,
        back_by_itself: gone.came_back_by_itself(absence),
        back_ms: gone.back.map(|back| millis(back.since(absence.from))),
        recovery_ms: recovery.map(|each| millis(each.into_iter().max().unwrap_or_default())),
        publishes_lost: shown.lost,
        plan,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// So many sets are held at a time: there may be millions.
const SETS_AT_ONCE: usize = 65_536;

/// All sets of `size` of the numbers below `count`, each in ascending order, in order.
fn combinations(count: usize, size: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut next = (size <= count).then(|| (0..size).collect::<Vec<usize>>());
    std::iter::from_fn(move || {
        let current = next.take()?;
        let movable = (0..size).rev().find(|&place| current[place] < count - size + place);
        next = movable.map(|place| {
            let first = current[place] + 1;
            let moved = (0..size - place).map(|step| first + step);
            current[..place].iter().copied().chain(moved).collect()
        });
        Some(current)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_come_each_once_and_in_order() {
        let all: Vec<_> = combinations(4, 2).collect();
        assert_eq!(all, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(combinations(3, 3).count(), 1);
        assert_eq!(combinations(2, 3).count(), 0);
        assert_eq!(combinations(30, 3).count(), 4060);
    }
}
