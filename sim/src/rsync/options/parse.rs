//! A command line, read as popt reads it for rsync: bundled letters, `--name=value` and `--name value`, options
//! anywhere among the paths until `--`, later ones winning.

use std::borrow::Cow;

use super::refusal::{Refusal, USAGE};
use super::settle::settle;
use super::table::{Takes, by_long, by_short};
use super::{Options, RuleSource};

/// A command line that rsync would begin to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The options.
    pub options: Options,
    /// Sources and destination, in order.
    pub paths: Vec<Vec<u8>>,
    /// `--contimeout` was given, which only a daemon's client may.
    pub contimeout: bool,
}

/// Looks at rules, as rsync does when it meets them among the options: what is wrong with them or with a file that
/// they name, if anything. The last argument is whether `-0` stood before them.
pub type CheckRules<'a> = dyn Fn(&RuleSource, bool) -> Result<(), Refusal> + 'a;

/// Reads a command line, without the name of the program. `check` sees the rules in their turn.
///
/// # Errors
/// What rsync would say and its exit code, or the name of an option that is not modelled.
pub fn parse(args: &[Vec<u8>], check: &CheckRules<'_>) -> Result<Parsed, Refusal> {
    // On its own it means what it once meant.
    if let [only] = args
        && only == b"-h"
    {
        return Err(Refusal::says(&USAGE));
    }
    let mut reader = Reader { options: Options::default(), seen: Seen::default(), check };
    let mut paths = Vec::new();
    let mut args = args.iter();
    // `arg` is the word read last: the one that popt blames.
    while let Some(mut arg) = args.next() {
        if arg == b"--" {
            paths.extend(args.by_ref().cloned());
        } else if let Some(long) = arg.strip_prefix(b"--") {
            let (name, value) = match long.iter().position(|&byte| byte == b'=') {
                Some(at) => (&long[..at], Some(&long[at + 1..])),
                None => (long, None),
            };
            let known = std::str::from_utf8(name).ok().and_then(by_long).ok_or_else(|| unknown(arg))?;
            let shown = || format!("--{}", known.long);
            let value = match (known.takes, value) {
                (Takes::Nothing, None) => None,
                (Takes::Nothing, Some(_)) => return Err(unwanted(arg)),
                (_, Some(value)) => Some(value.to_vec()),
                (_, None) => {
                    arg = args.next().ok_or_else(|| missing(&shown()))?;
                    Some(arg.clone())
                }
            };
            reader.take(known, &shown(), value, arg)?;
        } else if arg.len() > 1 && arg[0] == b'-' {
            let word = arg;
            let mut letters = &arg[1..];
            while let Some((&letter, rest)) = letters.split_first() {
                letters = rest;
                let known = by_short(letter).ok_or_else(|| unknown(word))?;
                let shown = format!("-{}", char::from(letter));
                let value = match known.takes {
                    Takes::Nothing if rest.starts_with(b"=") => return Err(unwanted(word)),
                    Takes::Nothing => None,
                    _ if !rest.is_empty() => {
                        letters = &[];
                        Some(rest.strip_prefix(b"=").unwrap_or(rest).to_vec())
                    }
                    _ => {
                        arg = args.next().ok_or_else(|| missing(&lossy(word)))?;
                        Some(arg.clone())
                    }
                };
                reader.take(known, &shown, value, arg)?;
            }
        } else {
            paths.push(arg.clone());
        }
    }
    if reader.seen.version {
        return Err(Refusal::says(&USAGE[..1]));
    }
    settle(&mut reader.options, &reader.seen)?;
    Ok(Parsed { options: reader.options, paths, contimeout: reader.seen.contimeout })
}

pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn unknown(arg: &[u8]) -> Refusal {
    Refusal::syntax(format!("rsync: {}: unknown option", lossy(arg)))
}

fn unwanted(arg: &[u8]) -> Refusal {
    Refusal::syntax(format!("rsync: {}: option does not take an argument", lossy(arg)))
}

fn missing(shown: &str) -> Refusal {
    Refusal::syntax(format!("rsync: {shown}: missing argument"))
}

/// What must be known until the end of the command line.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub delete: bool,
    pub delete_before: bool,
    pub delete_during: bool,
    pub delete_delay: bool,
    pub delete_after: bool,
    pub inc_recursive_off: bool,
    pub recursive_by_archive: bool,
    pub contimeout: bool,
    pub dirs_off: bool,
    pub folder_rules: u32,
    pub version: bool,
}

/// A command line while it is read.
pub(super) struct Reader<'a> {
    pub options: Options,
    pub seen: Seen,
    pub check: &'a CheckRules<'a>,
}
