//! `sim sweep`: every single fault at every moment of a scenario.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use harness::cluster::ClusterMaker;
use harness::expectation;
use harness::explore::Known;
use harness::jobs;
use harness::plan::Plan;
use harness::report::folder;
use harness::scenario::{Scenario, fault};
use harness::shrink::{Found, Shrunk};
use harness::signature::Signature;
use harness::sweep::{
    self, Course, Ended, Pairs, Places, Settings, Store, StoreError, Sweep, SweepError, Swept,
};
use harness::time::parse_span;

use crate::cluster::PreparedMaker;

use super::explore;
use super::limits::{Clock, SweepBudget};
use super::screen::Screen;
use super::{Exit, interrupt, panic, scenarios};

/// What to sweep.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A scenario file, or the name of one below `scenarios/`; its own faults and expectations are left out
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// The seed [default: the scenario's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// A fault lasts at least this long, and until the next half minute
    #[arg(long = "for", value_name = "SPAN", default_value = "60s", value_parser = parse_span)]
    lasts: Duration,
    /// Of each class of events, only the first N moments [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    each: Option<u32>,
    /// Only these kinds of faults [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    kinds: Vec<String>,
    /// A sentence that must hold under every fault, too, written as in a scenario
    #[arg(long, value_name = "SENTENCE", value_parser = sentence)]
    expect: Vec<String>,
    /// 2: after every single fault, pairs of them
    #[arg(long, value_name = "K", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=2))]
    order: u32,
    /// The second fault of a pair begins at most this long after the first
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = parse_span)]
    window: Duration,
    /// For how long, such as 10m, single faults and pairs together; or so many pairs at most, such as 5000, spread evenly
    /// over all that there are
    #[arg(long, value_name = "SPAN|N", default_value = "1000")]
    budget: SweepBudget,
    /// Weaknesses that are known [default: <cluster's folder>.known.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// So many runs at most to make the first case of each finding small; 0 leaves it as it is
    #[arg(long, value_name = "N", default_value = "200")]
    shrink_runs: u64,
    /// The folder for results. A sweep whose results are there goes on where it ended [default:
    /// reports/sweep/<scenario>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many runs at a time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Plant a bug, by name: for tests
    #[arg(long, value_name = "NAME", hide = true)]
    plant: Option<String>,
}

/// A sentence that is understood.
fn sentence(text: &str) -> Result<String, String> {
    match expectation::understand(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}; {}", error.help)),
    }
}

const RUNS: &str = "{wide_bar} {pos} of {len} runs, {msg}, {eta} left";

/// Sweeps the scenario and says what came out.
pub fn sweep(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) {
    let known: Vec<&str> = fault::KINDS.iter().map(|kind| kind.name).collect();
    if let Some(wrong) = arguments.kinds.iter().find(|name| !known.contains(&name.as_str())) {
        let why = format!("there is no kind of fault `{wrong}`; there are {}", known.join(", "));
        return screen.trouble(Exit::Usage, &why);
    }
    let Some((plan, known)) = plan(arguments, maker, screen) else { return };
    let prepared = match PreparedMaker::of(&plan.cluster) {
        Ok(prepared) => prepared,
        Err(findings) => return screen.findings(&findings),
    };
    let maker: &dyn ClusterMaker = &prepared;
    let Some(stop) = interrupt::watch(screen) else { return };
    let (time, most) = match arguments.budget {
        SweepBudget::Time(time) => (Some(time.0), None),
        SweepBudget::Pairs(most) => (None, Some(most)),
    };
    let clock = Clock::start(time);
    let Some(sweep) = laid_out(plan, known, arguments, maker, &stop, screen) else { return };
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| Path::new("reports").join("sweep").join(&*sweep.base().scenario));
    let (mut store, mut lines) = match Store::open(&out, &sweep) {
        Ok(opened) => opened,
        Err(error) => return refused(&error, screen),
    };
    if !lines.is_empty() {
        screen.note(&format!("{} runs are there already, and gone on from", lines.len()));
    }
    let bar = screen.progress(0, RUNS);
    let progress = |done, total, causes: usize| {
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(format!("{causes} causes"));
    };
    let pairs = (arguments.order > 1).then(|| Pairs::of(&sweep, arguments.window));
    let course = Course {
        jobs: arguments.jobs.unwrap_or_else(jobs::as_many_as_processors),
        stop: &stop,
        is_over: &|| clock.is_over(),
        progress: &progress,
        pairs: pairs.as_ref().map(|pairs| (pairs, most)),
    };
    let Ended { swept, store_error } = sweep::go(&sweep, &mut lines, Some(&mut store), maker, &course);
    bar.finish_and_clear();
    let failed_to_store = store_error.is_some();
    if let Some(error) = store_error {
        refused(&error, screen);
    }
    let places = keep(&sweep, &swept, arguments, &out, maker, &stop, screen);
    screen.result(&sweep::terminal(&sweep, &swept, &places));
    if swept.findings.list().iter().any(|finding| &*finding.signature.checker == harness::signature::PROGRAM)
    {
        screen.trouble(Exit::Bug, "a run ended in a panic: please report it, with the plan that repeats it");
    }
    if swept.breaks_anew() {
        screen.ends_with(Exit::Fail);
    } else if swept.left > 0 {
        screen.ends_with(Exit::Unknown);
    }
    if swept.left > 0 && clock.is_over() {
        screen.note("sim: the budget is used up; the same call goes on where this one ended");
    }
    if stop.load(Ordering::Relaxed) && !failed_to_store {
        let kept = format!(
            "stopped; the runs that are finished are kept in {}: the same call goes on",
            out.display()
        );
        screen.trouble(Exit::Interrupted, &kept);
    }
}

/// The plan of the scenario, and what is known of its cluster.
fn plan(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) -> Option<(Plan, Known)> {
    let file = scenarios::file_of(&arguments.scenario);
    let (scenario, findings) = Scenario::check(&file, maker);
    screen.findings(&findings);
    let scenario = scenario.filter(|_| !findings.has_errors())?;
    let cluster = file.parent().unwrap_or(Path::new("")).join(&scenario.cluster.value);
    let known = explore::known(arguments.known.as_deref(), &cluster, screen)?;
    let seed = arguments.seed.unwrap_or_else(|| scenario.usual_seed());
    match scenario.plan(seed, maker) {
        Ok(mut plan) => {
            plan.planted_bug.clone_from(&arguments.plant);
            Some((plan, known))
        }
        Err(findings) => {
            screen.findings(&findings);
            None
        }
    }
}

fn laid_out(
    plan: Plan,
    known: Known,
    arguments: &Arguments,
    maker: &dyn ClusterMaker,
    stop: &AtomicBool,
    screen: &mut Screen,
) -> Option<Sweep> {
    let settings = Settings {
        lasts: arguments.lasts,
        each: arguments.each,
        kinds: arguments.kinds.clone(),
        expectations: arguments.expect.clone(),
        ..Settings::default()
    };
    let error = match panic::guarded(|| Sweep::of(plan, settings, known, maker, stop)) {
        Ok(Ok(sweep)) => return Some(sweep),
        Ok(Err(error)) => error,
        Err(panicked) => {
            screen.trouble(Exit::Bug, &panic::please_report(&panicked, None));
            return None;
        }
    };
    match &error {
        SweepError::Refused(findings) => screen.findings(findings),
        SweepError::Stopped => screen.trouble(Exit::Interrupted, &error.to_string()),
        SweepError::NoFault(_) => screen.trouble(Exit::Usage, &error.to_string()),
        SweepError::Broken(_) => {
            screen.ends_with(Exit::Fail);
            screen.result(&format!("{error}\nNothing was swept: mend the cluster first, or the scenario.\n"));
        }
    }
    None
}

fn refused(error: &StoreError, screen: &mut Screen) {
    let exit = if let StoreError::Write(_) = error { Exit::CannotWrite } else { Exit::BadInput };
    screen.trouble(exit, &error.to_string());
}

/// Writes the plan of every finding's first case, makes it small where it is new, and writes the report; gives where all
/// is. What is no news has a folder of its own.
fn keep(
    sweep: &Sweep,
    swept: &Swept,
    arguments: &Arguments,
    out: &Path,
    maker: &dyn ClusterMaker,
    stop: &AtomicBool,
    screen: &mut Screen,
) -> Places {
    let mut places = Places::new();
    for finding in swept.findings.list().into_iter().chain(swept.pair_findings.list()) {
        let folder = if finding.is_new() { "plans" } else { "known" };
        let path = out.join(folder).join(format!("{}.json", finding.signature.id()));
        if let Err(error) = folder::put(&path, sweep.plan(&finding.first).to_json().as_bytes()) {
            screen.trouble(Exit::CannotWrite, &error.to_string());
            return places;
        }
        places.insert(finding.signature.clone(), (path.display().to_string(), None));
    }
    let new = swept.findings.new_ones().len() + swept.pair_findings.new_ones().len();
    if arguments.shrink_runs > 0 && new > 0 {
        let bar = screen.progress(new as u64, "{spinner} making {len} findings small");
        bar.enable_steady_tick(Duration::from_millis(200));
        let shrunk = sweep::shrink_findings(sweep, swept, maker, arguments.shrink_runs, stop);
        bar.finish_and_clear();
        for (signature, shrunk) in shrunk {
            let found = shrunk.and_then(|shrunk| put(&signature, &shrunk, out, maker, screen));
            if let (Some(found), Some(place)) = (found, places.get_mut(&signature)) {
                place.1 = Some(found);
            }
        }
    }
    let faces = [
        ("sweep.json", sweep::json(sweep, swept, &places)),
        ("sweep.md", sweep::markdown(sweep, swept, &places)),
    ];
    for (name, text) in faces {
        if let Err(error) = folder::put(&out.join(name), text.as_bytes()) {
            screen.trouble(Exit::CannotWrite, &error.to_string());
            break;
        }
    }
    places
}

/// Writes a shrunk plan as a scenario.
fn put(
    signature: &Signature,
    shrunk: &Shrunk,
    out: &Path,
    maker: &dyn ClusterMaker,
    screen: &mut Screen,
) -> Option<String> {
    match Found::of(shrunk, maker).put(&out.join("shrunk")) {
        Ok(path) => Some(path.display().to_string()),
        Err(error) => {
            screen.note(&format!("no scenario can be written of `{signature}`: {error}"));
            None
        }
    }
}
