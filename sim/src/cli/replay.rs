//! `sim replay`: a stored plan once more.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use harness::cluster::ClusterMaker;
use harness::plan::Plan;
use harness::report::folder::Format;
use harness::report::{Report, View, from_json, terminal};
use harness::time::SimTime;

use super::drive::{Keep, drive};
use super::screen::Screen;
use super::{Exit, interrupt, run};

/// What to replay.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A plan that a run has stored, such as reports/manager-down/plan.json
    plan: PathBuf,
    /// A folder for the report, the plan and the trace; nothing is written without it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the plan and prints what came out.
pub fn replay(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) {
    let Some(plan) = read(&arguments.plan, maker, screen) else { return };
    let Some(stop) = interrupt::watch(screen) else { return };
    let keep = Keep { formats: Format::ALL.to_vec(), trace: true };
    let bar = screen.progress(plan.phases.settle_ends.as_millis(), run::ONE_RUN);
    let progress = |at: SimTime| bar.set_position(at.as_millis());
    let keep = arguments.out.as_deref().map(|out| (out, &keep));
    let driven = drive(&plan, maker, keep, &stop, Some(&progress));
    bar.finish_and_clear();
    screen.findings(&driven.findings);
    for trouble in &driven.troubles {
        screen.trouble(trouble.exit, &trouble.text);
    }
    let Some(report) = &driven.report else {
        if driven.findings.is_empty() {
            screen.trouble(Exit::Interrupted, "stopped before the run was over");
        }
        return;
    };
    screen.ends_with(report.status.into());
    let folder = driven.kept.then(|| arguments.out.as_deref().unwrap_or(Path::new("")).display().to_string());
    let text = terminal(report, &View { colour: screen.colour(), folder });
    screen.result(&format!("{text}{}\n", compared(report, &arguments.plan)));
}

/// A stored plan, and a word when another version made it; none, and why not, when it cannot be read.
pub fn read(path: &Path, maker: &dyn ClusterMaker, screen: &mut Screen) -> Option<Plan> {
    let plan = match Plan::read(path) {
        Ok(plan) => plan,
        Err(findings) => {
            screen.findings(&findings);
            return None;
        }
    };
    if plan.made_by != maker.version() {
        let (made_by, this) = (&plan.made_by, maker.version());
        screen
            .note(&format!("this plan was made by {made_by}; this is {this}, which may run it differently"));
    }
    Some(plan)
}

/// Whether the trace is the one that the report beside the plan tells of.
fn compared(report: &Report, plan: &Path) -> String {
    let Ok(text) = fs::read_to_string(plan.with_file_name(Format::Json.file())) else { return String::new() };
    match from_json(&text) {
        Ok(before) if before.plan_fingerprint != report.plan_fingerprint => String::new(),
        Ok(before) if before.trace_fingerprint == report.trace_fingerprint => {
            "  same trace as in the report beside the plan\n".to_owned()
        }
        Ok(_) => "  NOT the trace of the report beside the plan\n".to_owned(),
        Err(_) => String::new(),
    }
}
