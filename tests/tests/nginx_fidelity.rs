//! The modelled balancer against the real nginx: the same configuration, the same servers, the same requests.
//!
//! Compared are, request by request, what the client saw (status, address of a redirect, what the server got,
//! whether the answer was whole) and which servers were tried with which result, as nginx's own access log
//! tells it; and how many connections each server was given. The cases run side by side, in a network namespace
//! of their own, so that servers can fall silent. Where nginx is not installed they are left out with a line that
//! says so, and where there are no namespaces those with a silent server, unless `SIM_REQUIRE_PEERS=1` asks for
//! all.

#[path = "nginx_fidelity/cases.rs"]
mod cases;
#[path = "nginx_fidelity/namespace.rs"]
mod namespace;
#[path = "nginx_fidelity/real.rs"]
mod real;
#[path = "nginx_fidelity/script.rs"]
mod script;
#[path = "nginx_fidelity/simulated.rs"]
mod simulated;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use sim::planted::PlantedBug;
use similar::TextDiff;

use self::script::Case;

/// The cases sleep nearly all of their time.
const AT_ONCE: usize = 64;
/// A busy machine can let a second pass between two requests of the real case, or keep nginx from starting in time: so
/// often it is run again.
const AGAIN_MAX: u32 = 2;

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().collect();
    let is_inside = args.get(1).is_some_and(|arg| arg == namespace::ARGUMENT);
    if is_inside {
        args.remove(1);
    }
    let mut arguments = Arguments::from_iter(args);
    arguments.test_threads.get_or_insert(AT_ONCE);
    let is_installed = real::is_installed();
    if is_installed && !is_inside && !arguments.list {
        if let Some(code) = namespace::run_inside() {
            return code;
        }
        eprintln!("nginx_fidelity: no network namespace can be made here, so no server can fall silent");
    }
    if !is_installed && !arguments.list {
        eprintln!("nginx_fidelity: left out, nginx is not installed here");
    }
    let required = are_peers_required();
    let mut trials: Vec<Trial> = cases::all()
        .into_iter()
        .map(|case| {
            let left_out = !is_installed || (!is_inside && case.needs_silence());
            let name = case.name.replace(' ', "_");
            Trial::test(name, move || run(&case)).with_ignored_flag(left_out && !required)
        })
        .collect();
    let name = "the_comparison_sees_a_planted_bug";
    trials.push(Trial::test(name, sees_a_planted_bug).with_ignored_flag(!is_installed && !required));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(case: &Case) -> Result<(), Failed> {
    let modelled = simulated::run(case, None)?;
    let mut real = real::run(case);
    for _ in 0..AGAIN_MAX {
        if !real.as_ref().is_ok_and(|real| *real == modelled) {
            real = real::run(case);
        }
    }
    let real = real?;
    if modelled == real {
        return Ok(());
    }
    let (real, modelled) = (real.join("\n"), modelled.join("\n"));
    let diff = TextDiff::from_lines(&real, &modelled);
    let diff = diff.unified_diff().context_radius(50).header("nginx", "the model").to_string();
    Err(Failed::from(format!("the model does not do what nginx does:\n{diff}")))
}

/// A comparison that never differed would prove nothing.
fn sees_a_planted_bug() -> Result<(), Failed> {
    let case = cases::refusing();
    let planted = Some(PlantedBug::BalancerKeepsSendingToDeadNodes);
    if simulated::run(&case, planted)? == real::run(&case)? {
        return Err("a balancer that ignores its marks looks like nginx".into());
    }
    Ok(())
}

/// Whether a missing peer is a failure. The environment is this test's business, not a run's.
#[expect(clippy::disallowed_methods, reason = "it decides whether a test is left out, and changes no run")]
fn are_peers_required() -> bool {
    std::env::var("SIM_REQUIRE_PEERS").is_ok_and(|value| value == "1")
}
