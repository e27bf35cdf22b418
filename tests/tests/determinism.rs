//! The same plan gives the same bytes: twice in one process, and in another process.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use harness::jobs;
use harness::plan::Plan;
use harness::report::json;
use harness::run::{self, Options};
use harness::scenario::Scenario;
use harness::trace::JsonLines;
use sim::cluster::SimMaker;
use tests::{Called, command, scenario_files};

/// A writer whose bytes are kept.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The trace and the report of a plan.
fn trace(plan: &Plan) -> (Vec<u8>, String) {
    let kept = Kept::default();
    let lines = JsonLines::new(kept.clone()).unwrap();
    let options = Options { sinks: vec![Box::new(lines)], ..Options::default() };
    let outcome = run::run(plan, &SimMaker, options).unwrap();
    (kept.0.take(), json(&outcome.report))
}

fn first_difference(one: &[u8], other: &[u8]) -> String {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (one, other) = (lines(one), lines(other));
    let mut pairs = one.lines().zip(other.lines()).enumerate();
    match pairs.find(|(_, (a, b))| a != b) {
        Some((number, (a, b))) => format!("line {}:\n{a}\n{b}", number + 1),
        None => "one ends before the other".to_owned(),
    }
}

/// What is wrong with a scenario's runs, if anything is.
fn compared(file: &Path) -> Result<(), String> {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let scenario = Scenario::load(file).unwrap();
    let plan = scenario.plan(scenario.usual_seed(), &SimMaker).unwrap();
    let (first, report) = trace(&plan);
    let (second, report_again) = trace(&plan);
    if first != second {
        return Err(format!("{name}, twice in this process: {}", first_difference(&first, &second)));
    }
    let out = tempfile::tempdir().unwrap();
    let called: Called = command(env!("CARGO_BIN_EXE_sim-under-test"))
        .args(["run", "--format", "json", "--out"])
        .args([out.path(), file])
        .output()
        .unwrap()
        .into();
    let folder = out.path().join(&name);
    let third = std::fs::read(folder.join("trace.jsonl")).map_err(|error| format!("{error}: {called:?}"))?;
    if first != third {
        return Err(format!("{name}, in another process: {}", first_difference(&first, &third)));
    }
    let report_elsewhere = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let same = report == report_again && report == report_elsewhere;
    if same { Ok(()) } else { Err(format!("{name}: one trace, and two reports")) }
}

#[test]
fn every_scenario_gives_the_same_bytes_twice_in_this_process_and_once_in_another() {
    let files = scenario_files();
    assert!(!files.is_empty());
    let (jobs, stop) = (jobs::as_many_as_processors(), AtomicBool::new(false));
    jobs::each(
        files.len(),
        jobs,
        &stop,
        |number| compared(&files[number]),
        |_, result| {
            result.expect("no panic").unwrap_or_else(|difference| panic!("{difference}"));
        },
    );
}

#[test]
fn another_seed_gives_other_bytes() {
    // Without this the comparison above could hold because nothing is ever drawn from the seed. The events that
    // tell the seed itself do not count.
    let file = scenario_files().into_iter().find(|file| file.ends_with("slow-link.toml")).unwrap();
    let scenario = Scenario::load(file).unwrap();
    let [one, other] = [1, 2].map(|seed| trace(&scenario.plan(seed, &SimMaker).unwrap()).0);
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (lines(&one), lines(&other));
    let differing = one.iter().zip(&other).filter(|(a, b)| a != b && !a.contains("\"event\":\"run_")).count();
    assert!(differing > 100, "only {differing} events differ");
}
