//! `sim run`: scenarios, and seeds of each, to reports.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};
use harness::cluster::ClusterMaker;
use harness::finding::Findings;
use harness::jobs;
use harness::report::folder::Format;
use harness::report::{View, terminal};
use harness::scenario::Scenario;
use harness::time::SimTime;
use harness::verdict::Status;

use super::drive::{Driven, Keep, drive};
use super::screen::Screen;
use super::seeds::Seeds;
use super::{Exit, interrupt, panic, scenarios, store};

/// What to run.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Scenario files, or names of scenarios in `scenarios/`
    #[arg(value_name = "SCENARIO", required_unless_present = "all")]
    scenarios: Vec<PathBuf>,
    /// All scenarios in `scenarios/` and `scenarios/found/`
    #[arg(long, conflicts_with = "scenarios")]
    all: bool,
    /// The seed; what a scenario leaves open is drawn from it [default: the scenario's own, or 1]
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// A range of seeds, such as 1..100 (without 100) or 1..=100
    #[arg(long, value_name = "A..B")]
    seeds: Option<Seeds>,
    /// The folder of reports. A run goes into DIR/<scenario>, one whose seed was asked for into
    /// DIR/<scenario>/seed-<N>
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
    /// How many runs at a time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Which files to write beside the plan
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "md,json,junit,html")]
    format: Vec<FormatName>,
    /// Keep the trace of every run; without this only runs without --seeds keep theirs
    #[arg(long)]
    trace: bool,
    /// Make what comes out the new baseline: write the files that are committed, and say which changed
    #[arg(long, conflicts_with_all = ["seed", "seeds", "out", "format", "trace"])]
    accept: bool,
}

/// The name of a format on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Md,
    Json,
    Junit,
    Html,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Md => Format::Markdown,
            FormatName::Json => Format::Json,
            FormatName::Junit => Format::Junit,
            FormatName::Html => Format::Html,
        }
    }
}

/// Runs what was asked for.
pub fn run(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) {
    let Some(scenarios) = load(arguments, maker, screen) else { return };
    let Some(stop) = interrupt::watch(screen) else { return };
    let batch = Batch::of(arguments, &scenarios);
    let jobs = arguments.jobs.unwrap_or_else(jobs::as_many_as_processors);
    let bar = screen.progress(0, if batch.count > 1 { MANY_RUNS } else { ONE_RUN });
    let mut tally = Tally::default();
    let work = |number: usize| {
        let run = batch.run(number);
        let plan = run.scenario.plan(run.seed, maker)?;
        let progress = |at: SimTime| bar.set_position(at.as_millis());
        let progress: Option<&dyn Fn(SimTime)> = match batch.count {
            1 => {
                bar.set_length(plan.phases.settle_ends.as_millis());
                Some(&progress)
            }
            _ => None,
        };
        Ok::<_, Findings>(drive(&plan, maker, Some((&run.folder, &batch.keep)), &stop, progress))
    };
    if batch.count > 1 {
        bar.set_length(batch.count as u64);
    }
    jobs::each(batch.count, jobs, &stop, work, |number, result| {
        if batch.count > 1 {
            bar.inc(1);
        }
        bar.suspend(|| match result {
            Ok(Ok(driven)) => tell(&driven, &batch, &batch.run(number), &mut tally, screen),
            Ok(Err(findings)) => screen.findings(&findings),
            Err(panicked) => {
                let plan = batch.run(number).folder.join(store::PLAN);
                screen.trouble(Exit::Bug, &panic::please_report(&panicked, Some(&plan)));
            }
        });
    });
    bar.finish_and_clear();
    if batch.count > 1 {
        screen.result(&format!("{}\n", tally.sentence()));
    }
    if stop.load(Ordering::Relaxed) {
        let (done, asked) = (tally.runs(), batch.count);
        screen.trouble(
            Exit::Interrupted,
            &format!("stopped; {done} of {asked} runs were finished and are kept"),
        );
    }
}

/// The progress line of one run: how much of its simulated time has passed.
pub const ONE_RUN: &str = "{wide_bar} {percent} % simulated, {eta} left";
const MANY_RUNS: &str = "{wide_bar} {pos} of {len} runs, {eta} left";

/// All runs of one call.
struct Batch<'a> {
    scenarios: &'a [Scenario],
    /// None: each scenario's own.
    seeds: Option<Range<u64>>,
    count: usize,
    out: &'a Path,
    /// Whether each seed has a folder of its own.
    folder_a_seed: bool,
    /// Whether every run is told in full.
    in_full: bool,
    accept: bool,
    keep: Keep,
}

/// One of them.
struct Run<'a> {
    scenario: &'a Scenario,
    seed: u64,
    folder: PathBuf,
}

impl<'a> Batch<'a> {
    fn of(arguments: &'a Arguments, scenarios: &'a [Scenario]) -> Self {
        let seeds = match (&arguments.seeds, arguments.seed) {
            (Some(Seeds(range)), _) => Some(range.clone()),
            (None, seed) => seed.map(|seed| seed..seed.saturating_add(1)),
        };
        let formats = match arguments.accept {
            true => vec![Format::Markdown, Format::Json],
            false => arguments.format.iter().map(|&name| name.into()).collect(),
        };
        let trace = arguments.trace || (arguments.seeds.is_none() && !arguments.accept);
        let per_scenario =
            seeds.as_ref().map_or(1, |seeds| usize::try_from(seeds.end - seeds.start).unwrap_or(usize::MAX));
        Self {
            scenarios,
            count: per_scenario.saturating_mul(scenarios.len()),
            seeds,
            out: &arguments.out,
            folder_a_seed: arguments.seed.is_some() || arguments.seeds.is_some(),
            in_full: arguments.seeds.is_none() && !arguments.accept,
            accept: arguments.accept,
            keep: Keep { formats, trace },
        }
    }

    fn run(&self, number: usize) -> Run<'a> {
        let per_scenario = self.count / self.scenarios.len();
        let scenario = &self.scenarios[number / per_scenario];
        let seed = match &self.seeds {
            Some(seeds) => seeds.start + (number % per_scenario) as u64,
            None => scenario.usual_seed(),
        };
        let mut folder = self.out.join(&*scenario.name);
        if self.folder_a_seed {
            folder.push(format!("seed-{seed}"));
        }
        Run { scenario, seed, folder }
    }
}

/// What came out so far.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    unknown: usize,
}

impl Tally {
    fn runs(&self) -> usize {
        self.passed + self.failed + self.unknown
    }

    fn sentence(&self) -> String {
        let counts = [(self.passed, "passed"), (self.failed, "failed"), (self.unknown, "unknown")];
        let counts: Vec<_> = (counts.into_iter())
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        format!("{} runs: {}", self.runs(), counts.join(", "))
    }
}

/// Reads and checks every scenario before the first of them runs.
fn load(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) -> Option<Vec<Scenario>> {
    let files: Vec<_> = match arguments.all {
        false => arguments.scenarios.iter().map(|given| scenarios::file_of(given)).collect(),
        true => match scenarios::all() {
            Ok(files) => files,
            Err(error) => {
                let why = format!("cannot list the folder {}: {error}", scenarios::FOLDER);
                screen.trouble(Exit::BadInput, &why);
                return None;
            }
        },
    };
    if files.is_empty() {
        let why = format!("there is no scenario in the folder {}", scenarios::FOLDER);
        screen.trouble(Exit::BadInput, &why);
        return None;
    }
    if let Some((one, other)) = scenarios::same_name(&files) {
        let (one, other) = (one.display(), other.display());
        let why = format!("{one} and {other} would write to the same folder of reports; run one at a time");
        screen.trouble(Exit::Usage, &why);
        return None;
    }
    let mut loaded = Vec::new();
    for file in &files {
        let (scenario, findings) = Scenario::check(file, maker);
        screen.findings(&findings);
        loaded.extend(scenario.filter(|_| !findings.has_errors()));
    }
    (loaded.len() == files.len()).then_some(loaded)
}

/// Prints what came out of one run.
fn tell(driven: &Driven, batch: &Batch<'_>, run: &Run<'_>, tally: &mut Tally, screen: &mut Screen) {
    screen.findings(&driven.findings);
    for trouble in &driven.troubles {
        screen.trouble(trouble.exit, &trouble.text);
    }
    let Some(report) = &driven.report else { return };
    match report.status {
        Status::Pass => tally.passed += 1,
        Status::Fail => tally.failed += 1,
        Status::Unknown => tally.unknown += 1,
    }
    screen.ends_with(report.status.into());
    if batch.in_full || !report.passed() {
        let folder = driven.kept.then(|| run.folder.display().to_string());
        let view = View { colour: screen.colour(), folder };
        screen.result(&format!("{}\n", terminal(report, &view)));
        return;
    }
    let mut line = format!("{}, seed {}: passed", report.scenario, report.seed);
    if batch.accept {
        let changed: Vec<_> = driven.changed.iter().map(|path| path.display().to_string()).collect();
        let what = if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") };
        line.push_str(&format!("; {what} changed"));
    }
    screen.result(&format!("{line}\n"));
}
