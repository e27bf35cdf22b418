//! A user's crontab, by the rules of Debian's cron: environment lines, times, commands.

use harness::finding::{Finding, Findings, Source};

use super::schedule::{self, Schedule};
use super::shell_words::{self, Token};
use super::sync::CronJob;

/// cron refuses a longer file.
const LINES_MAX: usize = 10_000;
/// cron refuses a longer line.
const COMMAND_BYTES_MAX: usize = 998;
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "/bin/sh", "/bin/bash", "/bin/dash"];

/// Reads a crontab. Of its jobs those that run `script` come back; others are warned of.
pub(super) fn read(source: &Source, script: &str, findings: &mut Findings) -> Vec<CronJob> {
    let mut jobs = Vec::new();
    let mut others = Vec::new();
    let mut shell = "/bin/sh".to_owned();
    let mut start = 0;
    for (index, line) in source.text.split_inclusive('\n').enumerate() {
        let number = index + 1;
        if number > LINES_MAX {
            let message = format!("crontab is too long; maximum number of lines is {LINES_MAX}");
            findings.push(Finding::error(source, start..start, message));
            break;
        }
        let whole = start..start + line.len();
        start = whole.end;
        let Some(content) = line.strip_suffix('\n') else {
            if !line.is_empty() {
                let message = "the last line does not end in a line break: cron refuses the whole file";
                findings.push(Finding::error(source, whole, message).help("end the line"));
            }
            continue;
        };
        let trimmed = content.trim_start_matches([' ', '\t']);
        let at = whole.start + content.len() - trimmed.len();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = environment(trimmed) {
            if name == "SHELL" {
                shell = value;
            }
            continue;
        }
        let Some((schedule, command)) = read_times(source, trimmed, at, findings) else { continue };
        let span = at..at + trimmed.len();
        if command.len() > COMMAND_BYTES_MAX {
            findings.push(Finding::error(source, span, "the command is too long for cron"));
            continue;
        }
        if schedule != Schedule::AtBoot && schedule.next_after(0).is_none() {
            findings.push(Finding::warning(
                source,
                span.clone(),
                "this day never comes: the line never runs",
            ));
        }
        if runs_script(command, script) {
            jobs.push(CronJob { line: number, schedule, command: command.to_owned(), shell: shell.clone() });
        } else {
            others.push(span);
        }
    }
    report_others(source, script, jobs.is_empty(), &others, findings);
    jobs
}

/// Jobs that are not the sync: an error when there is no other that is.
fn report_others(
    source: &Source,
    script: &str,
    no_sync: bool,
    others: &[std::ops::Range<usize>],
    findings: &mut Findings,
) {
    if no_sync && others.is_empty() && !findings.has_errors() {
        let message = format!("no line runs `{script}`: nothing would ever be synced");
        findings.push(Finding::error(source, 0..0, message).help(format!("such as `* * * * * {script}`")));
    }
    for span in others {
        let message =
            format!("this job does not run `{script}`, which cluster.toml names as the sync script");
        findings.push(if no_sync {
            Finding::error(source, span.clone(), message).help(format!(
                "the command must be the script alone, perhaps after a shell and with its output sent to a file: `{script}`"
            ))
        } else {
            Finding::warning(source, span.clone(), message).help("it is not modelled")
        });
    }
}

/// `NAME = value`, as cron reads it: one word, `=`, and a value that may be quoted as a whole.
fn environment(line: &str) -> Option<(String, String)> {
    let line = line.trim_end_matches(['\r', ' ', '\t']);
    let unquote = |text: &str| {
        for quote in ['"', '\''] {
            if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
                return Some(inner.to_owned());
            }
        }
        (!text.starts_with(['"', '\''])).then(|| text.to_owned())
    };
    let (name, value) = line.split_once('=')?;
    let (name, value) = (unquote(name.trim())?, value.trim());
    if value.is_empty() || name.is_empty() || name.contains([' ', '\t']) {
        return None;
    }
    Some((name, unquote(value)?))
}

/// The times of a line, and the command behind them.
fn read_times<'a>(
    source: &Source,
    line: &'a str,
    at: usize,
    findings: &mut Findings,
) -> Option<(Schedule, &'a str)> {
    let blank = [' ', '\t'];
    if line.starts_with('@') {
        let (word, rest) = line.split_once(blank).unwrap_or((line, ""));
        return match schedule::parse_nickname(word) {
            Ok(schedule) => Some((schedule, command(rest))),
            Err(help) => {
                let message = format!("cron knows no `{word}`");
                findings.push(Finding::error(source, at..at + word.len(), message).help(help));
                None
            }
        };
    }
    let mut fields = [""; 5];
    let mut starts = [0; 5];
    let mut rest = line;
    for (field, start) in fields.iter_mut().zip(&mut starts) {
        *start = at + line.len() - rest.len();
        let (word, after) = rest.split_once(blank).unwrap_or((rest, ""));
        *field = word;
        rest = after.trim_start_matches(blank);
    }
    if fields[4].is_empty() {
        let message = "neither `NAME=value` nor five fields and a command";
        let help = "such as `* * * * * /path/to/script`: minute, hour, day of month, month, day of week";
        findings.push(Finding::error(source, at..at + line.len(), message).help(help));
        return None;
    }
    match schedule::parse_fields(&fields) {
        Ok(schedule) => Some((schedule, command(rest))),
        Err(errors) => {
            for (index, message) in errors {
                let span = starts[index]..starts[index] + fields[index].len();
                findings.push(Finding::error(source, span, message));
            }
            None
        }
    }
}

/// What cron gives to the shell: the line up to the first `%` that no backslash protects.
fn command(rest: &str) -> &str {
    let rest = rest.trim_start_matches([' ', '\t']);
    let mut escaped = false;
    for (index, c) in rest.char_indices() {
        if c == '%' && !escaped {
            return &rest[..index];
        }
        escaped = c == '\\' && !escaped;
    }
    rest
}

/// Whether a command is the script, alone or after a shell, with its output sent anywhere.
fn runs_script(command: &str, script: &str) -> bool {
    let Ok(tokens) = shell_words::split(command) else { return false };
    let mut words = Vec::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) => words.extend(word.literal()),
            Token::Operator(">" | ">>", _) => {
                words.pop_if(|word| word == "1" || word == "2");
                if let Some(Token::Operator(operator, _)) = tokens.next() {
                    // `2>&1`: the descriptor follows.
                    if operator != "&" || !matches!(tokens.next(), Some(Token::Word(_))) {
                        return false;
                    }
                }
            }
            Token::Operator(..) => return false,
        }
    }
    let mut words = words.iter().map(String::as_str);
    let first = words.next();
    let runs = if first.is_some_and(|word| SHELLS.contains(&word)) { words.next() } else { first };
    runs == Some(script) && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCRIPT: &str = "/home/wso2/sync.sh";

    fn parse(text: &str) -> (Vec<CronJob>, Findings) {
        let mut findings = Findings::new();
        let jobs = read(&Source::new("crontab", text), SCRIPT, &mut findings);
        (jobs, findings)
    }

    #[test]
    fn the_documented_line_runs_every_minute() {
        let (jobs, findings) = parse(
            "# push\nSHELL = \"/bin/bash\"\n  * * * * *  bash /home/wso2/sync.sh >> /var/log/x 2>&1\n@reboot /home/wso2/sync.sh\n",
        );
        assert!(findings.is_empty(), "{findings}");
        assert_eq!((jobs[0].line, jobs[0].shell.as_str()), (3, "/bin/bash"));
        assert_eq!(jobs[0].schedule.next_after(0), Some(60));
        assert_eq!(jobs[1].schedule, Schedule::AtBoot);
    }

    #[test]
    fn the_shell_is_bin_sh_until_a_line_says_otherwise() {
        let (jobs, _) =
            parse("* * * * * /home/wso2/sync.sh\nSHELL=/bin/bash\n* * * * * /home/wso2/sync.sh\n");
        assert_eq!((jobs[0].shell.as_str(), jobs[1].shell.as_str()), ("/bin/sh", "/bin/bash"));
    }

    #[test]
    fn a_crontab_that_never_runs_the_script_is_an_error() {
        for text in [
            "",
            "# nothing\n",
            "* * * * * /home/wso2/synch.sh\n",
            "* * * * * wso2 /home/wso2/sync.sh\n",
            "* * * * * cd /tmp; /home/wso2/sync.sh\n",
            "* * * * * /home/wso2/sync.sh",
            "60 * * * * /home/wso2/sync.sh\n",
            "@sometimes /home/wso2/sync.sh\n",
            "* * * * /home/wso2/sync.sh\n",
            "MAILTO=\n* * * * * /home/wso2/sync.sh\n",
        ] {
            assert!(parse(text).1.has_errors(), "{text}");
        }
    }

    #[test]
    fn another_job_beside_the_sync_is_a_warning() {
        let (jobs, findings) = parse("* * * * * /home/wso2/sync.sh\n0 3 * * * /usr/bin/backup\n");
        assert_eq!((jobs.len(), findings.has_errors()), (1, false));
        assert_eq!(findings.iter().next().unwrap().line(), 2);
    }

    #[test]
    fn a_percent_sign_ends_the_command() {
        assert_eq!(parse("* * * * * /home/wso2/sync.sh%input\n").0[0].command, SCRIPT);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|([-*0-9/, @=%\n]|reboot|/home/wso2/sync.sh)*") {
            for finding in parse(&text).1.iter() {
                prop_assert!(text.get(finding.span.clone()).is_some());
            }
        }
    }
}
