//! The simulated network against the real one: the same programs, the same faults, at the same moments, once in
//! network namespaces on this machine's kernel and once on simulated hosts.
//!
//! Compared are, program by program, what each call gave (the error's number), in which order, and when: within
//! one retransmission step, which each case states. The cases run side by side, each in namespaces of its own;
//! a table of all results comes last. Where namespaces cannot be made the cases are left out with a line that
//! says so, unless `SIM_REQUIRE_PEERS=1` asks for them.
//!
//! The real programs are this very binary, run again inside a namespace: see [`real`].

#[path = "kernel_fidelity/cases.rs"]
mod cases;
#[path = "kernel_fidelity/compare.rs"]
mod compare;
#[path = "kernel_fidelity/defaults.rs"]
mod defaults;
#[path = "kernel_fidelity/lab.rs"]
mod lab;
#[path = "kernel_fidelity/namespaces.rs"]
mod namespaces;
#[path = "kernel_fidelity/real.rs"]
mod real;
#[path = "kernel_fidelity/script.rs"]
mod script;
#[path = "kernel_fidelity/simulated.rs"]
mod simulated;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

use self::cases::Case;
use self::compare::Row;
use self::namespaces::Switch;

/// The cases sleep nearly all of their time.
const AT_ONCE: usize = 64;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let Some((first, rest)) = args.get(1..).and_then(<[String]>::split_first)
        && first == real::ARGUMENT
    {
        real::run(rest);
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);

    let switch = if arguments.list { Err("only listed".to_owned()) } else { Switch::new().map(Arc::new) };
    if let Err(why) = &switch
        && !arguments.list
    {
        eprintln!("kernel_fidelity: left out, network namespaces cannot be made here: {why}");
    }
    let required = are_peers_required();
    let rows: Arc<Mutex<Vec<(usize, Row)>>> = Arc::default();
    let defaults = {
        let switch = switch.clone();
        let left_out = switch.is_err() && !required;
        let run = move || {
            let switch = switch.map_err(|why| Failed::from(format!("no namespaces: {why}")))?;
            defaults::agree(&switch).map_err(Failed::from)
        };
        Trial::test("the settings that long waits derive from have the model's values", run)
            .with_ignored_flag(left_out)
    };
    let trials = cases::all().into_iter().enumerate().map(|(index, case)| {
        let (switch, rows) = (switch.clone(), Arc::clone(&rows));
        let missing = case.sysctls.iter().find(|(key, _)| !namespaces::has_sysctl(key));
        if let Some((key, _)) = missing {
            eprintln!("kernel_fidelity: left out, this kernel has no {key}: {}", case.name);
        }
        let left_out = missing.is_some() || (switch.is_err() && !required);
        let name = case.name;
        let run = move || {
            let switch = switch.map_err(|why| Failed::from(format!("no namespaces: {why}")))?;
            let row = run_case(&switch, index, &case)?;
            let verdict = row.verdict();
            rows.lock().expect("no holder panics").push((index, row));
            verdict.map_err(Failed::from)
        };
        Trial::test(name, run).with_ignored_flag(left_out)
    });
    let table = Trial::test("the table in MODEL.md is that of these cases", || {
        let text = std::fs::read_to_string(tests::root().join("MODEL.md"))?;
        compare::is_table_of(&text, &cases::all(), simulated::run).map_err(Failed::from)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.chain([defaults, table]).collect());
    let mut rows = std::mem::take(&mut *rows.lock().expect("no holder panics"));
    rows.sort_by_key(|(index, _)| *index);
    compare::print_table(rows.iter().map(|(_, row)| row));
    conclusion.exit_code()
}

/// Both worlds at once: the simulated one takes no time.
fn run_case(switch: &Switch, index: usize, case: &Case) -> Result<Row, String> {
    let simulated = simulated::run(case);
    let real = lab::run(switch, index, case)?;
    Ok(Row::new(case, real, simulated))
}

/// Whether a missing peer is a failure. The environment is this test's business, not a run's.
#[expect(clippy::disallowed_methods, reason = "it decides whether a test is left out, and changes no run")]
fn are_peers_required() -> bool {
    std::env::var("SIM_REQUIRE_PEERS").is_ok_and(|value| value == "1")
}
