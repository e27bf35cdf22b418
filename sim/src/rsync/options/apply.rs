//! What each option sets.

use super::parse::{Reader, lossy};
use super::refusal::{Refusal, USAGE};
use super::size::{decimal, size};
use super::table::{Action, Known, Takes};
use super::{AltKind, RuleSource};
use crate::rsync::chmod;

impl Reader<'_> {
    /// Takes an option with its value; `shown` is its name and `arg` the word that popt blames.
    pub(super) fn take(
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
                (None, _) if name == "help" => Err(Refusal::says(&USAGE)),
                (None, _) if name == "F" => self.folder_rules(),
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
            "cvs-exclude" => options.cvs_exclude = on,
            "version" => seen.version = true,
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
            "exclude" | "include" => self.rules(RuleSource::Pattern { text, includes: name == "include" })?,
            "exclude-from" | "include-from" => {
                let (includes, nul) = (name == "include-from", options.from0);
                self.rules(RuleSource::File { path: text, includes, nul })?;
            }
            "filter" => {
                let nul = options.from0;
                self.rules(RuleSource::Rule { text, nul })?;
            }
            other => unreachable!("the table has no text {other}"),
        }
        Ok(())
    }

    fn rules(&mut self, source: RuleSource) -> Result<(), Refusal> {
        (self.check)(&source, self.options.from0)?;
        self.options.rules.push(source);
        Ok(())
    }

    /// `-F`: the first looks for files in each folder, the second leaves them out themselves.
    fn folder_rules(&mut self) -> Result<(), Refusal> {
        self.seen.folder_rules += 1;
        match self.seen.folder_rules {
            1 => self.rules(RuleSource::rule(b": /.rsync-filter")),
            2 => self.rules(RuleSource::rule(b"- .rsync-filter")),
            _ => Ok(()),
        }
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
}
