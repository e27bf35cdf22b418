//! Each file in `scenarios/` is a test: its verdicts pass, and its report is the one that is committed.

use std::fs;
use std::path::Path;

use harness::report::folder::Format;
use harness::report::{View, terminal};
use harness::run::{self, Options};
use harness::scenario::Scenario;
use libtest_mimic::{Arguments, Failed, Trial};
use sim::cluster::SimMaker;

fn main() {
    let trials = (tests::scenario_files().into_iter())
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Trial::test(name, move || holds(&file))
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn holds(file: &Path) -> Result<(), Failed> {
    let scenario = Scenario::load(file)?;
    let plan = scenario.plan(scenario.usual_seed(), &SimMaker)?;
    let report = run::run(&plan, &SimMaker, Options::default())?.report;
    if !report.passed() {
        return Err(terminal(&report, &View::default()).into());
    }
    let folder = tests::root().join("reports").join(&*report.scenario);
    let mut differences = String::new();
    for format in [Format::Markdown, Format::Json] {
        let path = folder.join(format.file());
        let committed = fs::read_to_string(&path).unwrap_or_default();
        let text = format.render(&report);
        if committed != text {
            let diff = similar::TextDiff::from_lines(&committed, &text);
            let shown = Path::new("reports").join(&*report.scenario).join(format.file());
            let shown = shown.display().to_string();
            let hunks = diff.unified_diff().header(&shown, "this run").to_string();
            differences.extend(hunks.lines().take(60).flat_map(|line| [line, "\n"]));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let accept = "The run is not the committed one. If it should be so: cargo accept-reports, and commit.";
    Err(format!("{differences}\n{accept}").into())
}
