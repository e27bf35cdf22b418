//! `sim shrink`: a failing plan, made as small as it can be.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use harness::cluster::ClusterMaker;
use harness::plan::Plan;
use harness::run::{self, RunError};
use harness::shrink::{self, Ended, Found, Options, PutError, ShrinkError, Shrunk, Size, Statistics, Step};
use harness::signature::Signature;
use harness::time::{SimTime, show_span};

use super::screen::Screen;
use super::{Exit, interrupt, panic, replay, scenarios};

/// What to shrink.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A plan whose run fails, such as reports/my-scenario/plan.json
    plan: PathBuf,
    /// Which failure to keep, where several verdicts fail: a part of its sentence, its checker or its cause
    /// [default: the first]
    #[arg(long, value_name = "TEXT")]
    failure: Option<String>,
    /// At most this many runs [default: until nothing can go without the failure going]
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
    /// The folder into which the smallest scenario is written [default: `shrunk` beside the plan]
    #[arg(long, value_name = "DIR", conflicts_with = "keep")]
    out: Option<PathBuf>,
    /// Put it into scenarios/found/, where it is a test from now on
    #[arg(long)]
    keep: bool,
    /// The scenario's name [default: that of the plan's scenario, and the beginning of the failure's signature]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Shrinks the plan, prints what is left, and writes it as a scenario.
pub fn shrink(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) {
    let Some(plan) = replay::read(&arguments.plan, maker, screen) else { return };
    let Some(stop) = interrupt::watch(screen) else { return };
    let Some(signature) = failure(&plan, arguments.failure.as_deref(), maker, &stop, screen) else { return };
    let bar = screen.progress(0, "{spinner} {msg}");
    let progress = |statistics: &Statistics, step: &Step| {
        bar.tick();
        bar.set_message(format!("{} runs, {} steps; {step}", statistics.runs, statistics.steps));
    };
    let options = Options { runs_max: arguments.runs, stop: Some(&stop), progress: Some(&progress) };
    let shrunk = shrink::shrink(&plan, &signature, maker, options);
    bar.finish_and_clear();
    match shrunk {
        Ok(shrunk) => tell(&shrunk, arguments, maker, screen),
        Err(ShrinkError::Refused(findings)) => screen.findings(&findings),
        Err(error @ ShrinkError::DoesNotFail(_)) => screen.trouble(Exit::BadInput, &error.to_string()),
        Err(error @ ShrinkError::Stopped) => screen.trouble(Exit::Interrupted, &error.to_string()),
    }
}

/// The failure that is to stay: the first of the plan's run, or the first that has this text.
fn failure(
    plan: &Plan,
    wanted: Option<&str>,
    maker: &dyn ClusterMaker,
    stop: &AtomicBool,
    screen: &mut Screen,
) -> Option<Signature> {
    let options = run::Options { stop: Some(stop), ..run::Options::default() };
    let signatures: Vec<Signature> = match panic::guarded(|| run::run(plan, maker, options)) {
        Err(panicked) => vec![Signature::of_panic(&panicked)],
        Ok(Err(RunError::Refused(findings))) => {
            screen.findings(&findings);
            return None;
        }
        Ok(Err(RunError::Stopped)) => {
            screen.trouble(Exit::Interrupted, "stopped before the first run was over");
            return None;
        }
        // In the order of the verdicts, which is that of the scenario.
        Ok(Ok(outcome)) => outcome.report.verdicts.iter().filter_map(Signature::of).collect(),
    };
    if signatures.is_empty() {
        screen.trouble(Exit::BadInput, "no verdict of this plan's run fails: there is nothing to shrink");
        return None;
    }
    let found = signatures.iter().find(|one| wanted.is_none_or(|text| one.to_string().contains(text)));
    if found.is_none() {
        let all: Vec<String> = signatures.iter().map(|signature| format!("  {signature}")).collect();
        let text = wanted.unwrap_or_default();
        screen.trouble(Exit::BadInput, &format!("no failure has `{text}`; there are:\n{}", all.join("\n")));
    }
    found.cloned()
}

fn tell(shrunk: &Shrunk, arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) {
    let mut found = Found::of(shrunk, maker);
    if let Some(name) = &arguments.name {
        found = found.named(name);
    }
    let beside = arguments.plan.parent().unwrap_or(Path::new("")).join("shrunk");
    let folder = match (&arguments.out, arguments.keep) {
        (Some(out), _) => out.clone(),
        (None, true) => Path::new(scenarios::FOLDER).join("found"),
        (None, false) => beside,
    };
    let put = found.put(&folder).and_then(|path| {
        let text = std::fs::read_to_string(&path);
        text.map(|text| (path.clone(), text)).map_err(|error| PutError::Read { path, error })
    });
    screen.result(&format!("{}\n{}", shrunk.signature, comparison(&shrunk.before, &shrunk.after)));
    let Statistics { runs, control_runs, steps, simulated_ms, .. } = shrunk.statistics;
    screen.result(&format!(
        "  {steps} steps, {runs} runs ({control_runs} of controls), {} simulated\n",
        SimTime::from_millis(simulated_ms)
    ));
    match put {
        Ok((path, text)) => screen.result(&format!("  scenario: {}\n\n{text}", path.display())),
        Err(error @ PutError::Unsayable(_)) => screen.trouble(Exit::Bug, &error.to_string()),
        Err(error) => screen.trouble(Exit::CannotWrite, &error.to_string()),
    }
    match shrunk.ended {
        Ended::Smallest => {}
        Ended::OutOfRuns => screen.note("the runs are used up: more might go; allow more with --runs"),
        Ended::Stopped => {
            screen.trouble(Exit::Interrupted, "stopped: more might go; what was reached is kept");
        }
    }
}

/// What there was and what is left.
fn comparison(before: &Size, after: &Size) -> String {
    let span = |size: &Size| show_span(std::time::Duration::from_nanos(size.simulated_ns));
    let rows = [
        ("faults", before.faults.to_string(), after.faults.to_string()),
        ("workloads", before.workloads.to_string(), after.workloads.to_string()),
        ("operations", before.operations.to_string(), after.operations.to_string()),
        ("expectations", before.expectations.to_string(), after.expectations.to_string()),
        ("nodes", before.nodes.to_string(), after.nodes.to_string()),
        ("simulated", span(before), span(after)),
    ];
    rows.iter().map(|(what, before, after)| format!("  {what:14}{before:>8} -> {after}\n")).collect()
}
