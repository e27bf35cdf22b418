//! The command line that the sync script runs for each line of `workers-list.txt`.
//!
//! Only the shell's part of it is read here: words, and the place of the line. What rsync makes of its
//! options is the business of the modelled rsync.

use std::ops::Range;

use harness::finding::{Finding, Findings, Source};

use super::shell_words::{self, ShellPart, ShellWord, Token};
use super::sync::{RsyncCommand, Word, WordPart};

/// Names by which scripts call the line of the list.
const PLACES: [&str; 4] = ["worker", "line", "target", "1"];

/// The command, and where each of its words stands in the file.
pub(super) struct Located {
    pub(super) command: RsyncCommand,
    pub(super) spans: Vec<Range<usize>>,
}

/// Reads the command: one line, or several that end in a backslash; comments may stand around it.
pub(super) fn read(source: &Source, findings: &mut Findings) -> Option<Located> {
    let tokens = match shell_words::split(&source.text) {
        Ok(tokens) => tokens,
        Err(error) => {
            findings.push(Finding::error(source, error.span, error.message));
            return None;
        }
    };
    let words = one_command(source, tokens, findings)?;
    let Some(first) = words.first() else {
        let help = "such as `rsync --delete -a /opt/wso2am/repository/deployment/server/ $worker`";
        findings.push(Finding::error(source, 0..0, "no command").help(help));
        return None;
    };
    let name = first.literal().unwrap_or_default();
    if !["rsync", "/usr/bin/rsync"].contains(&name.as_str()) {
        let message = "the command must be rsync itself";
        findings.push(
            Finding::error(source, first.span.clone(), message).help("write `rsync` as the first word"),
        );
        return None;
    }
    let mut places = 0;
    let mut command = RsyncCommand { words: Vec::new() };
    for word in &words {
        let parts = word.parts.iter().map(|part| fill(source, part, &mut places, findings)).collect();
        command.words.push(Word { parts });
    }
    if places == 0 && !findings.has_errors() {
        let message = "no place for the line of workers-list.txt: every run would copy to the same target";
        findings.push(
            Finding::error(source, words[words.len() - 1].span.clone(), message).help("write `$worker`"),
        );
    }
    Some(Located { command, spans: words.into_iter().map(|word| word.span).collect() })
}

fn one_command(source: &Source, tokens: Vec<Token>, findings: &mut Findings) -> Option<Vec<ShellWord>> {
    let mut words = Vec::new();
    let mut ended = false;
    for token in tokens {
        match token {
            Token::Operator("\n", _) => ended = !words.is_empty(),
            Token::Operator(operator, span) => {
                let message = format!("`{operator}` is not modelled: the file holds one command of rsync");
                findings.push(Finding::error(source, span, message));
                return None;
            }
            Token::Word(word) if ended => {
                let message =
                    "a second command; the file holds one, with `\\` at the end of a line that goes on";
                findings.push(Finding::error(source, word.span, message));
                return None;
            }
            Token::Word(word) => words.push(word),
        }
    }
    Some(words)
}

fn fill(source: &Source, part: &ShellPart, places: &mut usize, findings: &mut Findings) -> WordPart {
    match part {
        ShellPart::Text(text) => WordPart::Text(text.clone()),
        ShellPart::Variable { name, span } => {
            if PLACES.contains(&name.as_str()) {
                *places += 1;
            } else {
                let message = format!("`${name}` is a variable whose value the file does not say");
                let help = "write its value; the line of workers-list.txt is `$worker`";
                findings.push(Finding::error(source, span.clone(), message).help(help));
            }
            WordPart::Worker
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> (Option<Located>, Findings) {
        let mut findings = Findings::new();
        let command = read(&Source::new("rsync-command", text), &mut findings);
        (command, findings)
    }

    #[test]
    fn the_line_of_the_list_takes_the_place_of_the_variable() {
        for place in ["$worker", "${worker}", "\"$line\"", "$1"] {
            let (command, findings) =
                parse(&format!("# why\nrsync --delete -arve \"ssh -i k\" \\\n  /opt/server/ {place}\n"));
            assert!(findings.is_empty(), "{findings}");
            let command = command.unwrap();
            let argv = command.command.argv("u@w:/x");
            assert_eq!(command.spans.len(), argv.len());
            assert_eq!(argv, ["rsync", "--delete", "-arve", "ssh -i k", "/opt/server/", "u@w:/x"]);
        }
    }

    #[test]
    fn what_is_not_one_rsync_command_is_an_error() {
        for text in [
            "",
            "scp a $worker",
            "rsync -a a/ w:/x",
            "rsync -a a/ $workers_dir",
            "rsync -a a/ $worker; true",
            "rsync -a a/ $worker\nrsync -a b/ $worker",
            "rsync -a $(pwd)/ $worker",
            "rsync -a ~/server/ $worker",
            "rsync -a 'a/ $worker",
        ] {
            assert!(parse(text).1.has_errors(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|(rsync |[-a$w{}'\"\n\\\\; ])*") {
            parse(&text);
        }
    }
}
