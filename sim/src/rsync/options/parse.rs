//! A command line, read as popt reads it for rsync: bundled letters, `--name=value` and `--name value`, options
//! anywhere among the paths until `--`, later ones winning.

use std::borrow::Cow;

use super::table::{Action, Known, Takes, by_long, by_short};
use super::{AltKind, DeleteWhen, LineKind, Options, RuleSource};
use crate::rsync::chmod;
use crate::rsync::filter::{self, Rule};
use crate::rsync::outcome::SYNTAX;

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

/// Why a command line is not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// rsync itself refuses it, with these lines on standard error and this exit code.
    #[error("{}", lines.join("\n"))]
    Rsync {
        /// What it prints.
        lines: Vec<String>,
        /// Its exit code.
        code: u8,
    },
    /// rsync knows the option, the model does not.
    #[error("rsync's option {option} is not modelled")]
    NotModelled {
        /// The option as it was written.
        option: String,
    },
}

impl Refusal {
    fn syntax(line: impl Into<String>) -> Self {
        Self::at(line, SYNTAX, "main.c(1886) [client=3.5.0]")
    }

    pub(crate) fn at(line: impl Into<String>, code: u8, place: &str) -> Self {
        let error =
            format!("rsync error: {} (code {code}) at {place}", crate::rsync::outcome::describe(code));
        Self::Rsync { lines: vec![line.into(), error], code }
    }
}

/// Looks at a file with rules, as rsync does when it meets its name: what is wrong with it, if anything.
pub type CheckRules<'a> = dyn Fn(&[u8], LineKind, bool) -> Result<(), Refusal> + 'a;

/// Reads a command line, without the name of the program. `check` sees each file of rules in its turn.
///
/// # Errors
/// What rsync would say and its exit code, or the name of an option that is not modelled.
pub fn parse(args: &[Vec<u8>], check: &CheckRules<'_>) -> Result<Parsed, Refusal> {
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
                (Takes::Nothing, Some(_)) => {
                    return Err(Refusal::syntax(format!(
                        "rsync: {}: option does not take an argument",
                        lossy(arg)
                    )));
                }
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
                    Takes::Nothing => None,
                    _ if !rest.is_empty() => {
                        letters = &[];
                        Some(rest.strip_prefix(b"=").unwrap_or(rest).to_vec())
                    }
                    _ => {
                        arg = args.next().ok_or_else(|| missing(&shown))?;
                        Some(arg.clone())
                    }
                };
                reader.take(known, &shown, value, arg)?;
            }
        } else {
            paths.push(arg.clone());
        }
    }
    reader.settle()?;
    Ok(Parsed { options: reader.options, paths, contimeout: reader.seen.contimeout })
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn unknown(arg: &[u8]) -> Refusal {
    Refusal::syntax(format!("rsync: {}: unknown option", lossy(arg)))
}

fn missing(shown: &str) -> Refusal {
    Refusal::syntax(format!("rsync: {shown}: missing argument"))
}

/// What must be known until the end of the command line.
#[derive(Debug, Default)]
struct Seen {
    delete: bool,
    delete_before: bool,
    delete_during: bool,
    delete_delay: bool,
    delete_after: bool,
    inc_recursive_off: bool,
    recursive_by_archive: bool,
    contimeout: bool,
    dirs_off: bool,
    cvs_exclude: bool,
    per_folder_rules: bool,
}

struct Reader<'a> {
    options: Options,
    seen: Seen,
    check: &'a CheckRules<'a>,
}

impl Reader<'_> {
    fn take(
        &mut self,
        known: &Known,
        shown: &str,
        value: Option<Vec<u8>>,
        arg: &[u8],
    ) -> Result<(), Refusal> {
        let number =
            match (known.takes, &value) {
                (Takes::Number, Some(text)) => Some(decimal(text).ok_or_else(|| {
                    Refusal::syntax(format!("rsync: {}: invalid numeric value", lossy(arg)))
                })?),
                _ => None,
            };
        match known.action {
            Action::Ignored => Ok(()),
            Action::Refused => Err(Refusal::NotModelled { option: shown.to_owned() }),
            Action::Does(name, on) => match (value, number) {
                (_, Some(number)) => {
                    self.number(name, number);
                    Ok(())
                }
                (Some(text), _) => self.text(name, text),
                (None, _) => {
                    self.switch(name, on);
                    Ok(())
                }
            },
        }
    }

    fn switch(&mut self, name: &str, on: bool) {
        let (options, seen) = (&mut self.options, &mut self.seen);
        let count = |count: u8| if on { count.saturating_add(1) } else { 0 };
        match name {
            "verbose" => options.output.verbose = count(options.output.verbose),
            "itemize-changes" => options.output.itemize = count(options.output.itemize),
            "human-readable" => options.output.human = count(options.output.human),
            "quiet" => options.output.quiet = on,
            "stats" => options.output.stats = on,
            "archive" => {
                seen.recursive_by_archive |= !options.recursive;
                options.recursive = true;
                for part in ["links", "perms", "times", "group", "owner", "D"] {
                    self.switch(part, true);
                }
            }
            "recursive" => {
                options.recursive = on;
                seen.recursive_by_archive = false;
            }
            "inc-recursive" => seen.inc_recursive_off = !on,
            "dirs" => {
                options.dirs = on;
                seen.dirs_off = !on;
            }
            "relative" => options.relative = on,
            "implied-dirs" => options.no_implied_dirs = !on,
            "mkpath" => options.mkpath = on,
            "links" => options.links = on,
            "perms" => options.perms = on,
            "executability" => options.executability = on,
            "times" => options.times = on,
            "omit-dir-times" => options.omit_dir_times = on,
            "omit-link-times" => options.omit_link_times = on,
            "owner" => options.owner = on,
            "group" => options.group = on,
            "devices" => options.devices = on,
            "specials" => options.specials = on,
            "D" => (options.devices, options.specials) = (on, on),
            "dry-run" => options.dry_run = on,
            "compress" => options.compress = on,
            "update" => options.update = on,
            "checksum" => options.checksum = on,
            "ignore-times" => options.ignore_times = on,
            "size-only" => options.size_only = on,
            "whole-file" => options.whole_file = Some(on),
            "one-file-system" => options.one_file_system = on,
            "prune-empty-dirs" => options.prune_empty_dirs = on,
            "backup" => options.backup = on,
            "delete" => seen.delete = true,
            "delete-before" => seen.delete_before = true,
            // Of these two the later one holds.
            "delete-during" => (seen.delete_during, seen.delete_delay) = (true, false),
            "delete-delay" => (seen.delete_during, seen.delete_delay) = (false, true),
            "delete-after" => seen.delete_after = true,
            "delete-excluded" => options.delete_excluded = true,
            "ignore-errors" => options.ignore_errors = on,
            "force" => options.force = on,
            "existing" => options.existing = on,
            "ignore-existing" => options.ignore_existing = on,
            "inplace" => options.inplace = on,
            "append" => (options.append, options.append_verify) = (on, false),
            "append-verify" => (options.append, options.append_verify) = (on, on),
            "partial" => options.partial = on,
            "delay-updates" => options.delay_updates = on,
            "numeric-ids" => options.numeric_ids = on,
            "from0" => options.from0 = on,
            "fsync" => options.fsync = on,
            "timeout" => options.timeout_s = 0,
            "contimeout" => seen.contimeout = false,
            "bwlimit" => options.bwlimit_bytes = 0,
            "cvs-exclude" => seen.cvs_exclude = on,
            "F" => {
                seen.per_folder_rules = true;
            }
            other => unreachable!("the table has no switch {other}"),
        }
    }

    fn number(&mut self, name: &str, number: i64) {
        match name {
            "max-delete" => self.options.max_delete = Some(u64::try_from(number).unwrap_or(0)),
            "timeout" => self.options.timeout_s = u64::try_from(number).unwrap_or(0),
            "contimeout" => self.seen.contimeout = number > 0,
            "modify-window" => self.options.modify_window = number,
            other => unreachable!("the table has no number {other}"),
        }
    }

    fn text(&mut self, name: &str, text: Vec<u8>) -> Result<(), Refusal> {
        let options = &mut self.options;
        match name {
            "backup-dir" => options.backup_dir = Some(text),
            "suffix" => {
                if text.contains(&b'/') {
                    return Err(Refusal::syntax(format!(
                        "rsync: --suffix cannot contain slashes: {}",
                        lossy(&text)
                    )));
                }
                options.suffix = Some(text);
            }
            "rsh" => options.shell = Some(text),
            "rsync-path" => options.rsync_path = Some(text),
            "partial-dir" => options.partial_dir = (!text.is_empty()).then_some(text),
            "temp-dir" => options.temp_dir = Some(text),
            "files-from" => options.files_from = Some(text),
            "compare-dest" => self.alt_dest(AltKind::Compare, text)?,
            "copy-dest" => self.alt_dest(AltKind::Copy, text)?,
            "link-dest" => self.alt_dest(AltKind::Link, text)?,
            "chmod" => {
                let tweaks = chmod::parse(&text).ok_or_else(|| {
                    Refusal::syntax(format!("rsync: Invalid argument passed to --chmod ({})", lossy(&text)))
                })?;
                options.chmod.extend(tweaks);
            }
            "bwlimit" => {
                let wrong =
                    |what: &str| Refusal::syntax(format!("rsync: --bwlimit={} is {what}", lossy(&text)));
                let bytes = size(&text, 1024).ok_or_else(|| wrong("invalid"))?;
                if bytes > 0 && bytes < 512 {
                    return Err(wrong("too small (min: 512 or 0 for unlimited)"));
                }
                options.bwlimit_bytes = bytes;
            }
            "block-size" => {
                let bytes = size(&text, 1).filter(|&bytes| bytes <= 131_072).ok_or_else(|| {
                    Refusal::syntax(format!("rsync: --block-size={} is invalid", lossy(&text)))
                })?;
                options.block_size = (bytes > 0).then_some(bytes as u32);
            }
            "exclude" | "include" => {
                let rule = Rule::pattern(&text, name == "include");
                options.rules.extend(rule.map(RuleSource::Rule));
            }
            "exclude-from" => {
                self.rules(RuleSource::File { path: text, lines: LineKind::Exclude })?;
            }
            "include-from" => {
                self.rules(RuleSource::File { path: text, lines: LineKind::Include })?;
            }
            "filter" => match filter::parse_argument(&text) {
                Ok(sources) => {
                    for source in sources {
                        self.rules(source)?;
                    }
                }
                Err(filter::RuleError::Wrong(line)) => {
                    return Err(Refusal::at(line, SYNTAX, "exclude.c(136) [client=3.5.0]"));
                }
                Err(filter::RuleError::NotModelled(what)) => {
                    return Err(Refusal::NotModelled { option: format!("--filter ({what})") });
                }
            },
            other => unreachable!("the table has no text {other}"),
        }
        Ok(())
    }

    fn rules(&mut self, source: RuleSource) -> Result<(), Refusal> {
        if let RuleSource::File { path, lines } = &source {
            (self.check)(path, *lines, self.options.from0)?;
        }
        self.options.rules.push(source);
        Ok(())
    }

    fn alt_dest(&mut self, kind: AltKind, path: Vec<u8>) -> Result<(), Refusal> {
        let name = |kind| match kind {
            AltKind::Compare => "compare",
            AltKind::Copy => "copy",
            AltKind::Link => "link",
        };
        if let Some(before) = self.options.alt_kind
            && before != kind
        {
            let (now, before) = (name(kind), name(before));
            return Err(Refusal::syntax(format!(
                "rsync: ERROR: the --{now}-dest option conflicts with the --{before}-dest option"
            )));
        }
        self.options.alt_kind = Some(kind);
        self.options.alt_dests.push(path);
        Ok(())
    }

    /// What options imply, and which must not stand together.
    fn settle(&mut self) -> Result<(), Refusal> {
        let (options, seen) = (&mut self.options, &self.seen);
        if options.files_from.is_some() {
            // The recursion that -a brings does not hold here; an explicit -r does.
            options.recursive &= !seen.recursive_by_archive;
            options.relative = true;
            options.dirs = !options.recursive && !seen.dirs_off;
        }
        let times = [seen.delete_before, seen.delete_during, seen.delete_delay, seen.delete_after];
        if times.iter().filter(|&&time| time).count() > 1 {
            return Err(Refusal::syntax("rsync: You may not combine multiple --delete-WHEN options."));
        }
        let deletes = seen.delete || options.delete_excluded || times.contains(&true);
        options.delete = match times {
            [true, ..] => Some(DeleteWhen::Before),
            [_, _, true, _] => Some(DeleteWhen::Delay),
            [_, _, _, true] => Some(DeleteWhen::After),
            _ if deletes => Some(DeleteWhen::During),
            _ => None,
        };
        options.no_inc_recursive = seen.inc_recursive_off;
        if deletes && !options.transfers_folders() {
            let line = "rsync: --delete does not work without --recursive (-r) or --dirs (-d).";
            return Err(Refusal::syntax(line));
        }
        if options.backup_dir.is_none() && options.backup_suffix().is_empty() {
            return Err(Refusal::syntax("rsync: --suffix cannot be empty without a --backup-dir"));
        }
        if options.append {
            if options.whole_file == Some(true) {
                return Err(Refusal::syntax("rsync: --append cannot be used with --whole-file"));
            }
            options.inplace = true;
            options.whole_file = Some(false);
        }
        if options.inplace {
            let append = if options.append { "append" } else { "inplace" };
            if options.delay_updates {
                return Err(Refusal::syntax(format!(
                    "rsync: --{append} cannot be used with --delay-updates"
                )));
            }
            if options.partial_dir.is_some() {
                return Err(Refusal::syntax(format!("rsync: --{append} cannot be used with --partial-dir")));
            }
            options.partial = false;
        }
        if options.delay_updates && options.partial_dir.is_none() {
            options.partial_dir = Some(b".~tmp~".to_vec());
        }
        if options.partial_dir.is_some() {
            options.partial = true;
        }
        if options.backup_dir.is_some() {
            options.backup = true;
        } else if options.backup {
            // The backups change their folders' times, so that these could never be kept.
            options.omit_dir_times = true;
        }
        if seen.cvs_exclude {
            return Err(Refusal::NotModelled { option: "--cvs-exclude".to_owned() });
        }
        if seen.per_folder_rules {
            return Err(Refusal::NotModelled { option: "-F".to_owned() });
        }
        if let Some(dir) = &options.partial_dir
            && !dir.starts_with(b"/")
        {
            // rsync hides a relative partial folder from the transfer and protects it, last of all rules.
            let mut text = b"-p ".to_vec();
            text.extend_from_slice(dir);
            text.push(b'/');
            options.rules.push(RuleSource::Rule(filter::parse_rule(&text).expect("a correct rule")));
        }
        Ok(())
    }
}

/// The rule by which `--backup` without a folder protects the backups from deletion.
pub fn protect_backups(options: &Options) -> Option<Rule> {
    if !options.backup || options.backup_dir.is_some() || !options.deletes() || options.delete_excluded {
        return None;
    }
    let mut text = b"P *".to_vec();
    text.extend_from_slice(options.backup_suffix());
    filter::parse_rule(&text).ok()
}

fn decimal(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    text.parse::<i32>().ok().map(i64::from)
}

/// A size as `--bwlimit` and `--block-size` take it: digits with a fraction, a unit, and perhaps `+1` or `-1`.
fn size(text: &[u8], default_unit: u64) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let (unit, rest) =
        text[digits..].split_at(text[digits..].find(['+', '-']).unwrap_or(text.len() - digits));
    let lower = unit.to_ascii_lowercase();
    let power = match lower.chars().next() {
        None => 0,
        Some('b') => 0,
        Some('k') => 1,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some('p') => 5,
        Some(_) => return None,
    };
    let base: f64 = match lower.get(1..).unwrap_or("") {
        "" if power > 0 || lower.is_empty() || lower == "b" => 1024.0,
        "ib" if power > 0 => 1024.0,
        "b" if power > 0 => 1000.0,
        _ => return None,
    };
    let scale = if lower.is_empty() { default_unit as f64 } else { base.powi(power) };
    let bytes = number * scale;
    let bytes = match rest {
        "" => bytes,
        "+1" => bytes + 1.0,
        "-1" => bytes - 1.0,
        _ => return None,
    };
    (0.0..9e18).contains(&bytes).then_some(bytes as u64)
}
