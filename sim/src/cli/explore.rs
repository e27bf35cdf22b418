//! `sim explore`: random plans of one scenario, and what they break.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use harness::cluster::ClusterMaker;
use harness::explore::{Batch, Contents, Exploration, ExploreReport, Known, Store, StoreError, Summary};
use harness::explore::{terminal, write_report};
use harness::jobs;
use harness::plan::Plan;
use harness::report::folder::Format;
use harness::scenario::Scenario;
use harness::shrink;
use harness::signature::Signature;
use indicatif::ProgressBar;

use super::drive::{Keep, drive};
use super::limits::{Budget, Clock, Shard};
use super::screen::Screen;
use super::seeds::Seeds;
use super::{Exit, interrupt, panic, scenarios};
use crate::cluster::PreparedMaker;

/// Without a budget and without seeds, an exploration takes this long.
const BUDGET: Duration = Duration::from_secs(60);
/// A new finding is made smaller in at most so many runs; `sim shrink` goes to the end.
const SHRINK_RUNS: u64 = 150;
/// The progress line: how much of the budget, or of the seeds, is used.
const LINE: &str = "{wide_bar} {msg}";

/// What to explore.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A scenario file, or the name of a scenario in `scenarios/`: its cluster, phases and workloads; its faults and
    /// expectations are left out
    scenario: PathBuf,
    /// For how long, such as 10m; without this and without --seeds: 60s
    #[arg(long, value_name = "SPAN")]
    budget: Option<Budget>,
    /// The seeds of the batches of runs, such as 1..100 (without 100); without this as many from 1 on as the budget
    /// allows
    #[arg(long, value_name = "A..B")]
    seeds: Option<Seeds>,
    /// How many runs at a time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Only every n-th seed, beginning with the i-th, such as 1/4: `sim merge` puts the results together
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// The folder of results [default: reports/explore/<scenario>]. One that holds results of the same exploration is
    /// gone on with
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Weaknesses that are known [default: <cluster's folder>.known.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
}

/// Explores.
pub fn explore(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) {
    let file = scenarios::file_of(&arguments.scenario);
    let (scenario, findings) = Scenario::check(&file, maker);
    screen.findings(&findings);
    let Some(scenario) = scenario.filter(|_| !findings.has_errors()) else { return };
    let Some(files) = &scenario.files else { return };
    let prepared = match PreparedMaker::of(files) {
        Ok(prepared) => prepared,
        Err(findings) => return screen.findings(&findings),
    };
    let exploration = match Exploration::of(&scenario, &prepared) {
        Ok(exploration) => exploration,
        Err(findings) => return screen.findings(&findings),
    };
    let cluster = file.parent().unwrap_or(Path::new("")).join(&scenario.cluster.value);
    let Some(known) = known(arguments.known.as_deref(), &cluster, screen) else { return };
    let exploration = exploration.with_known(known.clone());
    let default_out = || Path::new("reports/explore").join(&*scenario.name);
    let out = arguments.out.clone().unwrap_or_else(default_out);
    let mut results = match Results::open(&out, &exploration, screen) {
        Ok(results) => results,
        Err(error) => return told(&error, screen),
    };
    let Some(stop) = interrupt::watch(screen) else { return };
    let before = results.summary.seeds.len();
    let complete = results.grow(arguments, &exploration, &stop, screen);
    let interrupted = stop.load(Ordering::Relaxed);
    finish(&results.summary, &known, &out, &prepared, &stop, screen);
    if interrupted || !complete {
        let done = results.summary.seeds.len() - before;
        let folder = out.display();
        let why = format!(
            "stopped; {done} batches were finished and are kept in {folder}: the same command goes on"
        );
        if interrupted {
            screen.trouble(Exit::Interrupted, &why);
        } else {
            screen.note(&format!("sim: {why}"));
        }
    }
}

/// The weaknesses that are known; none when their file is wrong, which was said.
pub fn known(asked: Option<&Path>, cluster: &Path, screen: &mut Screen) -> Option<Known> {
    let usual = Known::path_of(cluster);
    let path = match asked {
        Some(path) => path,
        None if usual.exists() => &usual,
        None => return Some(Known::default()),
    };
    match Known::read(path) {
        Ok(known) => Some(known),
        Err(findings) => {
            screen.findings(&findings);
            None
        }
    }
}

/// Says why results cannot be read or kept.
pub fn told(error: &StoreError, screen: &mut Screen) {
    let exit = match error {
        StoreError::Write(_) => Exit::CannotWrite,
        StoreError::Read { .. } | StoreError::Wrong { .. } => Exit::BadInput,
    };
    screen.trouble(exit, &error.to_string());
}

/// Results that grow while they are explored.
struct Results {
    store: Store,
    summary: Summary,
}

impl Results {
    /// New ones, or those of the same exploration that the folder holds.
    fn open(out: &Path, exploration: &Exploration, screen: &Screen) -> Result<Self, StoreError> {
        let mut summary = Summary::new(exploration.header().clone());
        if !Store::is_in(out) {
            return Ok(Self { store: Store::begin(out, exploration.header())?, summary });
        }
        let mut contents = Contents::open(out)?;
        if let Some(why) = exploration.header().differs_from(&contents.header) {
            let why = format!("this folder holds results of another exploration ({why}): give another --out");
            return Err(StoreError::Wrong { path: out.to_owned(), line: 1, why });
        }
        while let Some(batch) = contents.next_batch()? {
            summary.add(&batch);
        }
        if contents.cut_short {
            screen.note("sim: the last line of these results was cut short; its batch is run again");
        }
        if !summary.seeds.is_empty() {
            screen.note(&format!("going on with {} batches in {}", summary.seeds.len(), out.display()));
        }
        Ok(Self { store: Store::go_on(&contents)?, summary })
    }

    /// Runs batches until the seeds, the budget or the user's patience are at their end. Whether everything that was
    /// finished is kept.
    fn grow(
        &mut self,
        arguments: &Arguments,
        exploration: &Exploration,
        stop: &AtomicBool,
        screen: &mut Screen,
    ) -> bool {
        let budget = arguments.budget.map(|budget| budget.0).or(arguments.seeds.is_none().then_some(BUDGET));
        let seeds = arguments.seeds.as_ref().map_or(1..u64::MAX, |seeds| seeds.0.clone());
        let shard = arguments.shard.unwrap_or_default();
        let count = shard.count(seeds.end - seeds.start);
        let clock = Clock::start(budget);
        let bar = screen.progress(clock.budget_ms().unwrap_or(count as u64), LINE);
        let enough = AtomicBool::new(false);
        let done = self.summary.seeds.clone();
        let prepare = || exploration.own_copy(PreparedMaker::of).expect("they were understood");
        let work = |(exploration, maker): &(Exploration, PreparedMaker), number: usize| {
            if stop.load(Ordering::Relaxed) || clock.is_over() {
                enough.store(true, Ordering::Relaxed);
                return None;
            }
            let seed = seeds.start + shard.place(number);
            let batch = (!done.contains(&seed)).then(|| exploration.batch(seed, maker, stop));
            batch.flatten()
        };
        let jobs = arguments.jobs.unwrap_or_else(jobs::as_many_as_processors);
        let mut kept = true;
        let (mut finished, mut runs) = (0_u64, 0_u64);
        jobs::each_with(count, jobs, &enough, prepare, work, |_, result| {
            finished += 1;
            match result {
                Ok(Some(batch)) if kept => {
                    runs += u64::from(batch.runs);
                    if let Err(error) = self.keep(&batch) {
                        (kept, _) = (false, enough.store(true, Ordering::Relaxed));
                        bar.suspend(|| told(&error, screen));
                    }
                }
                Ok(_) => {}
                Err(panicked) => {
                    bar.suspend(|| screen.trouble(Exit::Bug, &panic::please_report(&panicked, None)));
                }
            }
            show(&bar, &clock, finished, runs, self.summary.findings.len());
        });
        bar.finish_and_clear();
        kept
    }

    fn keep(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.store.add(batch)?;
        self.summary.add(batch);
        Ok(())
    }
}

fn show(bar: &ProgressBar, clock: &Clock, finished: u64, runs: u64, findings: usize) {
    let per_second = clock.rate(runs);
    bar.set_position(if clock.budget_ms().is_some() { clock.elapsed_ms() } else { finished });
    bar.set_message(format!("{runs} runs, {per_second} a second, {findings} findings"));
}

/// Makes the plan of a new finding small and writes it as a scenario beside it.
fn shrink(
    plan: &Plan,
    signature: &Signature,
    folder: &Path,
    maker: &dyn ClusterMaker,
    stop: &AtomicBool,
    screen: &mut Screen,
) {
    let options = shrink::Options { runs_max: Some(SHRINK_RUNS), stop: Some(stop), progress: None };
    let put = match panic::guarded(|| shrink::shrink(plan, signature, maker, options)) {
        Ok(Ok(shrunk)) => shrink::Found::of(&shrunk, maker).put(&folder.join("shrunk")),
        // What fails only where it was found is told as it was found.
        Ok(Err(_)) | Err(_) => return,
    };
    match put {
        Ok(_) => {}
        Err(shrink::PutError::Unsayable(why)) => screen.note(&format!("sim: {why}")),
        Err(error) => screen.trouble(Exit::CannotWrite, &error.to_string()),
    }
}

/// Writes what was found, and says it: a function of the summary alone.
pub fn finish(
    summary: &Summary,
    known: &Known,
    out: &Path,
    maker: &dyn ClusterMaker,
    stop: &AtomicBool,
    screen: &mut Screen,
) {
    let report = ExploreReport::new(summary, known);
    let written = write_report(out, &report);
    if let Err(error) = &written {
        screen.trouble(Exit::CannotWrite, &error.to_string());
    }
    let keep = Keep { formats: vec![Format::Markdown, Format::Json], trace: false };
    for (signature, finding) in &summary.findings {
        let folder = out.join("findings").join(signature.id());
        let never = AtomicBool::new(false);
        // A plan that ends in a panic is a finding as well: it is kept before it is run.
        let driven =
            panic::guarded(|| drive(&summary.plan(finding), maker, Some((&folder, &keep)), &never, None));
        for trouble in driven.into_iter().flat_map(|driven| driven.troubles) {
            screen.trouble(trouble.exit, &trouble.text);
        }
        if known.explains(signature).is_none() && !stop.load(Ordering::Relaxed) {
            shrink(&summary.plan(finding), signature, &folder, maker, stop, screen);
        }
    }
    screen.result(&terminal(&report));
    if written.is_ok() {
        screen.result(&format!("  report: {}\n", out.join("report.md").display()));
    }
    if report.new_findings() > 0 {
        screen.ends_with(Exit::Fail);
    } else if report.runs == 0 {
        screen.note("sim: no batch of runs was finished, so nothing is known");
        screen.ends_with(Exit::Unknown);
    }
}
