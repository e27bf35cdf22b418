//! The modelled rsync against the real one: random trees and command lines, and every case that once differed.
//!
//! Compared are the exit code; the whole tree afterwards, the source included (paths, kinds, bytes, modes, owners,
//! times in nanoseconds, link targets, which names share an inode; a time of the run itself counts as `now`); the
//! lines of `-i` and `-v` about entries and, unless it pulls, about deletions among them, in order; all other lines
//! of standard output, in order, the numbers of `--stats` among them; and standard error, in order. Not compared:
//! how those three mix, which the real program's processes leave to chance; what a process says
//! that another one ends; counts of bytes on the connection, rates, places in rsync's source; what `-vv` says of the program itself; the
//! text of the usage; the time of a folder in which a folder for backups was made. When something differs the real
//! program is run up to five times more, and one run that is the same is enough. Where deletions race with the items
//! of the first folder, either order is the same.
//!
//! Transfers that a signal ends are compared, too (`rsync_fidelity/interrupt.rs`), and a source file that cannot be
//! read to its end (`rsync_fidelity/source_error.rs`).
//!
//! `SIM_RSYNC_CASES` says how many random cases are run (2,000 unless it is set), `SIM_RSYNC_SEED` with which seed
//! they begin. A case that differs is made smaller and printed in the format of `rsync_fidelity/kept.txt`, in
//! which such cases are kept for ever. Without rsync all is left out, unless `SIM_REQUIRE_PEERS=1`.

#[path = "rsync_fidelity/case.rs"]
mod case;
#[path = "rsync_fidelity/compare.rs"]
mod compare;
#[path = "rsync_fidelity/generate.rs"]
mod generate;
#[path = "rsync_fidelity/interrupt.rs"]
mod interrupt;
#[path = "rsync_fidelity/options.rs"]
mod options;
#[path = "rsync_fidelity/parts.rs"]
mod parts;
#[path = "rsync_fidelity/rules.rs"]
mod rules;
#[path = "rsync_fidelity/run.rs"]
mod run;
#[path = "rsync_fidelity/source_error.rs"]
mod source_error;
#[path = "rsync_fidelity/tree.rs"]
mod tree;
#[path = "rsync_fidelity/words.rs"]
mod words;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use self::case::Case;
use self::compare::{Verdict, compare, shrink};
use self::interrupt::After;

/// Cases that once differed.
const KEPT: &str = include_str!("rsync_fidelity/kept.txt");
/// Random cases in one test.
const CASES_A_TEST: u64 = 100;
/// So many cases of one test are made smaller; more would only take time.
const SHOWN_MAX: usize = 3;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let version = run::version();
    match &version {
        Some(version) => eprintln!("rsync_fidelity: against {version}"),
        None => eprintln!("rsync_fidelity: left out, rsync is not installed here"),
    }
    let left_out = version.is_none() && variable("SIM_REQUIRE_PEERS") != Some(1);
    let cases = variable("SIM_RSYNC_CASES").unwrap_or(2_000);
    let first = variable("SIM_RSYNC_SEED").unwrap_or(0);
    let mut trials = Vec::new();
    for case in Case::read_all(KEPT).expect("the committed cases are well formed") {
        let name = format!("kept::{}", case.title.replace(' ', "_"));
        trials.push(Trial::test(name, move || same(&case)));
    }
    for from in (first..first + cases).step_by(CASES_A_TEST as usize) {
        let to = (from + CASES_A_TEST).min(first + cases);
        trials.push(Trial::test(format!("random::seeds_{from}_to_{}", to - 1), move || random(from, to)));
    }
    for option in interrupt::OPTIONS {
        let name = format!("interrupted::at_each_file_with{}", option.trim_start_matches('-'));
        trials.push(Trial::test(name, move || interrupted_anywhere(option, None)));
    }
    for (option, folder) in parts::OPTIONS {
        let name = format!("interrupted::over_an_old_part_with{}", option.trim_start_matches('-'));
        trials.push(Trial::test(name, move || interrupted_anywhere(option, Some(folder))));
    }
    let no_strace = !source_error::has_strace() && variable("SIM_REQUIRE_PEERS") != Some(1);
    if no_strace {
        eprintln!("rsync_fidelity: source files that fail are left out, strace is not installed here");
    }
    let over_parts = parts::OPTIONS.map(|(option, folder)| (option, Some(folder)));
    for (option, part_in) in source_error::OPTIONS.map(|option| (option, None)).into_iter().chain(over_parts)
    {
        let how = if part_in.is_some() { "over_an_old_part_with" } else { "with" };
        let name = format!("source_error::{how}{}", option.trim_start_matches('-'));
        let trial = Trial::test(name, move || match source_error::difference(option, part_in)? {
            None => Ok(()),
            Some(how) => Err(Failed::from(how)),
        });
        trials.push(trial.with_ignored_flag(no_strace));
    }
    trials.push(Trial::test("the_comparison_sees_a_file_that_differs", sees_a_difference));
    trials.push(Trial::test("of_ten_random_cases_one_has_rules_of_folders", move || {
        one_of(10, first, cases, has_rules_of_folders)
    }));
    trials.push(Trial::test("of_forty_random_cases_one_has_a_folder_of_parts", move || {
        one_of(40, first, cases, has_parts)
    }));
    if left_out {
        trials = trials.into_iter().map(|trial| trial.with_ignored_flag(true)).collect();
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// One case that must be the same.
fn same(case: &Case) -> Result<(), Failed> {
    match compare(case)? {
        Verdict::Same => Ok(()),
        Verdict::Refused(why) => {
            Err(Failed::from(format!("the model refuses what rsync does: {why}\n{case}")))
        }
        Verdict::Differs(what, how) => Err(Failed::from(format!("{what} differs:\n{case}{how}"))),
    }
}

/// The cases of some seeds; what differs is shown as small as it could be made.
fn random(from: u64, to: u64) -> Result<(), Failed> {
    let mut shown = Vec::new();
    let mut failed = 0;
    for seed in from..to {
        let case = generate::case(seed);
        let first = compare(&case)?;
        if first == Verdict::Same {
            continue;
        }
        failed += 1;
        if shown.len() < SHOWN_MAX {
            let (case, verdict) = shrink(&case)?;
            shown.push(match verdict {
                Verdict::Same => format!("{case}(differs now and then: {first:?})\n"),
                Verdict::Refused(why) => format!("{case}the model refuses: {why}\n"),
                Verdict::Differs(what, how) => format!("{case}{what} differs:\n{how}"),
            });
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failed::from(format!("{failed} of {} cases differ:\n{}", to - from, shown.join("\n")))),
    }
}

/// What is left of transfers that end at each file in turn, by either signal. They wait more than they work: all run
/// at once.
fn interrupted_anywhere(option: &str, part_in: Option<&str>) -> Result<(), Failed> {
    let runs = (0..interrupt::FILES).flat_map(|k| [(k, false), (k, true)]);
    let different: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = runs
            .map(|(k, kills)| (k, kills, scope.spawn(move || interrupted(option, k, kills, part_in))))
            .collect();
        let ended = runs.into_iter().filter_map(|(k, kills, run)| {
            let signal = if kills { "SIGKILL" } else { "SIGTERM" };
            let how = match run.join() {
                Ok(Ok(None)) => return None,
                Ok(Ok(Some(how))) => how,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it panicked".to_owned(),
            };
            Some(format!("{signal} at file {k}: {how}"))
        });
        ended.collect()
    });
    if different.is_empty() { Ok(()) } else { Err(Failed::from(different.join("\n"))) }
}

/// How what is left of a transfer that ends at file `k` differs. A busy machine can let the real one come further: so
/// often it is tried again.
fn interrupted(
    option: &str,
    k: usize,
    kills: bool,
    part_in: Option<&str>,
) -> std::io::Result<Option<String>> {
    let case = interrupt::case(option, k, part_in);
    let mut modelled = interrupt::model(&case, k, kills, After::Bytes)?;
    let mut real = interrupt::real(&case, k, kills)?;
    for _ in 0..2 {
        if real != modelled {
            real = interrupt::real(&case, k, kills)?;
        }
    }
    if real == modelled && k > 0 {
        (real, modelled) =
            (real.without_file(k), interrupt::model(&case, k, kills, After::Files)?.without_file(k));
    }
    if real == modelled {
        return Ok(None);
    }
    let (real, modelled) = (format!("{real:#?}\n"), format!("{modelled:#?}\n"));
    let diff = similar::TextDiff::from_lines(&real, &modelled);
    let diff = diff.unified_diff().header("rsync", "the model").to_string();
    Ok(Some(format!("what is left differs:\n{diff}")))
}

/// A comparison that never differed would prove nothing: here the two are given different files.
fn sees_a_difference() -> Result<(), Failed> {
    let case =
        Case::read_all("# a\nargs -ai src/ dst/\nd 755 1000000000.0 src\nf 644 1000000000.0 src/a 5*1\n")?;
    let mut other = case[0].clone();
    other.entries[1].node = case::Node::File(vec![(5, 2)]);
    let (run::Modelled::Seen(modelled), real) = (run::model(&case[0])?, run::real(&other)?) else {
        return Err("the model refuses -a".into());
    };
    match compare::differs(&real, &modelled) {
        Some(("tree", _)) => Ok(()),
        other => Err(Failed::from(format!("a file with other bytes looks the same: {other:?}"))),
    }
}

/// What is never drawn is never compared: one of so many cases must be so.
fn one_of(many: u64, first: u64, cases: u64, is_so: fn(&Case) -> bool) -> Result<(), Failed> {
    let count = (first..first + cases).filter(|&seed| is_so(&generate::case(seed))).count() as u64;
    match count * many >= cases {
        true => Ok(()),
        false => Err(Failed::from(format!("only {count} of {cases}"))),
    }
}

fn has_rules_of_folders(case: &Case) -> bool {
    case.entries.iter().any(|entry| {
        let name = entry.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        entry.path.contains(&b'/') && [&b".rsync-filter"[..], b".cvsignore", b".f"].contains(&name)
    })
}

fn has_parts(case: &Case) -> bool {
    let is_folder_of_parts = |part: &[u8]| [&b".~tmp~"[..], b"part", b".p"].contains(&part);
    let mut paths = case.entries.iter().map(|entry| &entry.path);
    paths.any(|path| path.split(|&byte| byte == b'/').any(is_folder_of_parts))
}

/// A number that the environment gives. It is this test's business, not a run's.
#[expect(clippy::disallowed_methods, reason = "it decides what is tested, and changes no run")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
