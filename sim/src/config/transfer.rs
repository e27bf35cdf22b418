//! What the rsync command line does with each line of `workers-list.txt`: asked of the modelled rsync itself.

use std::ops::Range;

use harness::finding::{Finding, Findings, Source};

use super::rsync_command::Located;
use super::ssh_command;
use super::sync::WorkerTarget;
use crate::rsync::{Direction, Job, Refusal};

/// Checks the options, the direction, and that folders fit together.
pub(super) fn check(
    source: &Source,
    command: &Located,
    list: &Source,
    workers: &[WorkerTarget],
    home: &str,
    findings: &mut Findings,
) {
    for worker in workers {
        let argv: Vec<Vec<u8>> =
            command.command.argv(&worker.text).into_iter().skip(1).map(String::into_bytes).collect();
        match Job::parse(&argv) {
            // What is wrong with the command is wrong for every worker.
            Err(refusal) => return findings.push(refused(source, command, &argv, &refusal)),
            Ok(job) => {
                if let Err(error) = check_shell(source, command, &argv, &job) {
                    return findings.push(error);
                }
                check_folders(source, command, list, worker, &job, home, findings);
            }
        }
    }
}

/// Checks the remote shell of `-e`.
fn check_shell(source: &Source, command: &Located, argv: &[Vec<u8>], job: &Job) -> Result<(), Finding> {
    let Some(shell) = &job.options.shell else { return Ok(()) };
    let error = match ssh_command::read(shell) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let stands_in = |word: &Vec<u8>| !shell.is_empty() && word.ends_with(shell);
    let word = argv.iter().position(stands_in).map(|index| command.spans[index + 1].clone());
    let span = word.unwrap_or_else(|| place_of(command, &[], ""));
    Err(Finding::error(source, span, error.message).help(error.help))
}

/// The finding for a command line that rsync, or the model, does not begin.
fn refused(source: &Source, command: &Located, argv: &[Vec<u8>], refusal: &Refusal) -> Finding {
    let (message, help) = match refusal {
        Refusal::NotModelled { option } => (
            format!("the option {option} is not modelled"),
            "remove it if the question does not depend on it",
        ),
        Refusal::Says { .. } => (
            "this rsync copies nothing".to_owned(),
            "remove the option that makes it print something instead",
        ),
        Refusal::Rsync { lines, .. } => (lines.first().cloned().unwrap_or_default(), "rsync itself says so"),
    };
    Finding::error(source, place_of(command, argv, &message), message).help(help)
}

/// The first option that a message names; the whole command when it names none.
fn place_of(command: &Located, argv: &[Vec<u8>], message: &str) -> Range<usize> {
    let names = |word: &[u8]| {
        let word = String::from_utf8_lossy(word);
        let name = word.split('=').next().unwrap_or_default();
        let long = name.len() > 2 && message.contains(name);
        // Of short options in one word, the message names one: `-Q` of `-aQrv`.
        let short = name.starts_with('-')
            && !name.starts_with("--")
            && name
                .chars()
                .skip(1)
                .any(|letter| message.split([' ', ':']).any(|part| part == format!("-{letter}")));
        name.starts_with('-') && (long || short)
    };
    let found = argv.iter().position(|word| names(word)).map(|index| command.spans[index + 1].clone());
    let whole =
        command.spans.first().map_or(0, |first| first.start)..command.spans.last().map_or(0, |last| last.end);
    found.unwrap_or(whole)
}

fn check_folders(
    source: &Source,
    command: &Located,
    list: &Source,
    worker: &WorkerTarget,
    job: &Job,
    home: &str,
    findings: &mut Findings,
) {
    let whole = place_of(command, &[], "");
    if !matches!(job.direction, Direction::Push(_)) {
        let message = "this command reads from the worker: it would change the node that runs it";
        findings.push(
            Finding::error(source, whole, message)
                .help("write the folder of this node first, then `$worker`"),
        );
        return;
    }
    let destination = String::from_utf8_lossy(&job.destination).into_owned();
    let target = name_of(&destination);
    for from in &job.sources {
        let from = String::from_utf8_lossy(from).into_owned();
        let place = place_of_source(command, &from).unwrap_or_else(|| whole.clone());
        let home = home.trim_end_matches('/');
        if from.starts_with('/') && !from.starts_with(&format!("{home}/")) {
            let message = format!("`{from}` is not below {home}, where this node's gateway is installed");
            findings.push(Finding::warning(source, place.clone(), message));
        }
        if !from.ends_with('/') && name_of(&from) == target {
            let message = format!("without a `/` at its end rsync would put `{target}` into `{target}`");
            findings.push(Finding::warning(source, place, message).help(format!("write `{from}/`")));
        } else if from.ends_with('/') && name_of(&from) != target {
            let deletes = if job.options.deletes() { ", and deletes all else there" } else { "" };
            let message = format!("the content of `{from}` goes into a folder of another name{deletes}");
            let span = list.line_span(worker.line);
            findings.push(
                Finding::warning(list, span, message)
                    .help("the command is the same for every line of the list"),
            );
        }
    }
}

/// The last part of a path.
fn name_of(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// Where a source stands in the command.
fn place_of_source(command: &Located, from: &str) -> Option<Range<usize>> {
    let index = command.command.argv("").iter().rposition(|word| word == from)?;
    Some(command.spans[index].clone())
}
