//! What rsync was asked to do: the options that the model knows, and what rsync says of a wrong command line.

mod apply;
mod encode;
mod parse;
mod refusal;
mod rule_source;
mod settle;
mod size;
mod table;

use serde::{Deserialize, Serialize};

use super::chmod::Tweak;

pub use parse::{CheckRules, parse};
pub use refusal::{Refusal, USAGE};
pub use rule_source::RuleSource;

/// When a destination's surplus entries are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeleteWhen {
    /// In one pass before the transfer.
    Before,
    /// Folder by folder, when the generator comes to each.
    During,
    /// Found folder by folder, removed after the transfer.
    Delay,
    /// Found and removed in one pass after the transfer.
    After,
}

/// What a folder of `--compare-dest`, `--copy-dest` or `--link-dest` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AltKind {
    /// A file that is there already is not transferred at all.
    Compare,
    /// It is copied from there.
    Copy,
    /// It is hard-linked to there.
    Link,
}

/// The words and lines that a run prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Output {
    /// How many `-v`.
    pub verbose: u8,
    /// How many `-i`.
    pub itemize: u8,
    /// `-q`.
    pub quiet: bool,
    /// `--stats`.
    pub stats: bool,
    /// `-h`: counts with a unit; how many levels above the default.
    pub human: u8,
}

/// Everything that steers a transfer, with rsync's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// What it prints.
    pub output: Output,
    /// `-r`.
    pub recursive: bool,
    /// `-d`, or implied by `--files-from` without `-r`.
    pub dirs: bool,
    /// `--no-inc-recursive`: has no effect on the model's results.
    pub no_inc_recursive: bool,
    /// `-l`.
    pub links: bool,
    /// `-p`.
    pub perms: bool,
    /// `-E`.
    pub executability: bool,
    /// `-t`.
    pub times: bool,
    /// `-O`.
    pub omit_dir_times: bool,
    /// `-J`.
    pub omit_link_times: bool,
    /// `-g`.
    pub group: bool,
    /// `-o`.
    pub owner: bool,
    /// `--devices`.
    pub devices: bool,
    /// `--specials`.
    pub specials: bool,
    /// `-n`.
    pub dry_run: bool,
    /// `-z`.
    pub compress: bool,
    /// `-u`.
    pub update: bool,
    /// `-c`.
    pub checksum: bool,
    /// `-I`.
    pub ignore_times: bool,
    /// `--size-only`.
    pub size_only: bool,
    /// Seconds by which times may differ; negative compares nanoseconds.
    pub modify_window: i64,
    /// `-W` or `--no-W`, when said.
    pub whole_file: Option<bool>,
    /// `-R`, or implied by `--files-from`.
    pub relative: bool,
    /// `--no-implied-dirs`.
    pub no_implied_dirs: bool,
    /// `--mkpath`.
    pub mkpath: bool,
    /// `-m`.
    pub prune_empty_dirs: bool,
    /// `-x`.
    pub one_file_system: bool,
    /// Any `--delete`, with its time.
    pub delete: Option<DeleteWhen>,
    /// `--delete-excluded`.
    pub delete_excluded: bool,
    /// `--max-delete`.
    pub max_delete: Option<u64>,
    /// `--ignore-errors`.
    pub ignore_errors: bool,
    /// `--force`.
    pub force: bool,
    /// `--existing`.
    pub existing: bool,
    /// `--ignore-existing`.
    pub ignore_existing: bool,
    /// `--inplace`.
    pub inplace: bool,
    /// `--append`.
    pub append: bool,
    /// `--append-verify`.
    pub append_verify: bool,
    /// `--partial`.
    pub partial: bool,
    /// `--partial-dir`.
    pub partial_dir: Option<Vec<u8>>,
    /// `--delay-updates`.
    pub delay_updates: bool,
    /// `--temp-dir`.
    pub temp_dir: Option<Vec<u8>>,
    /// `-b`.
    pub backup: bool,
    /// `--backup-dir`.
    pub backup_dir: Option<Vec<u8>>,
    /// `--suffix`; none is `~`, or nothing with a backup folder.
    pub suffix: Option<Vec<u8>>,
    /// The folders of `--link-dest` and its kin, with what they are for.
    pub alt_dests: Vec<Vec<u8>>,
    /// What those folders are for.
    pub alt_kind: Option<AltKind>,
    /// Filter rules, in order.
    pub rules: Vec<RuleSource>,
    /// `-C`.
    pub cvs_exclude: bool,
    /// `--files-from`.
    pub files_from: Option<Vec<u8>>,
    /// `-0`.
    pub from0: bool,
    /// `--chmod`.
    pub chmod: Vec<Tweak>,
    /// `--fsync`.
    pub fsync: bool,
    /// `--timeout`, in seconds; 0 is none.
    pub timeout_s: u64,
    /// `--bwlimit`, in bytes a second; 0 is none.
    pub bwlimit_bytes: u64,
    /// `-e`.
    pub shell: Option<Vec<u8>>,
    /// `--rsync-path`.
    pub rsync_path: Option<Vec<u8>>,
    /// `--numeric-ids`: the model never maps names.
    pub numeric_ids: bool,
    /// `-B`.
    pub block_size: Option<u32>,
}

impl Options {
    /// Whether file names go into a transfer that removes surplus entries.
    pub fn deletes(&self) -> bool {
        self.delete.is_some()
    }

    /// Whether links can stay in the place of folders that are transferred.
    pub(super) fn leaves_links(&self) -> bool {
        self.ignore_existing || self.no_implied_dirs
    }

    /// Changes the folders that the server is told of.
    pub(super) fn for_each_path(&mut self, mut change: impl FnMut(&mut Vec<u8>)) {
        let dirs = [&mut self.partial_dir, &mut self.temp_dir, &mut self.backup_dir];
        dirs.into_iter().flatten().chain(&mut self.alt_dests).for_each(&mut change);
    }

    /// Whether folders are transferred.
    pub fn transfers_folders(&self) -> bool {
        self.recursive || self.dirs
    }

    /// Whether the list is sent folder by folder while the transfer goes on, not whole before it.
    pub fn is_incremental(&self) -> bool {
        let needs_all = matches!(self.delete, Some(DeleteWhen::Before | DeleteWhen::After))
            || self.delay_updates
            || self.prune_empty_dirs;
        self.recursive && !self.no_inc_recursive && !needs_all
    }

    /// Whether a line is printed for each name.
    pub fn prints_names(&self) -> bool {
        self.output.itemize > 0 || self.output.verbose > 0
    }

    /// The rule by which a relative partial folder is hidden and protected.
    pub fn partial_rule(&self) -> Option<RuleSource> {
        let dir = self.partial_dir.as_ref().filter(|dir| !dir.starts_with(b"/"))?;
        Some(RuleSource::rule([b"-p ", &dir[..], b"/"].concat()))
    }

    /// The rule by which `--backup` without a folder protects the backups from deletion.
    pub fn backup_rule(&self) -> Option<RuleSource> {
        let keeps = self.backup && self.backup_dir.is_none() && self.deletes() && !self.delete_excluded;
        keeps.then(|| RuleSource::rule([b"P *", self.backup_suffix()].concat()))
    }

    /// What ends a backup's name.
    pub fn backup_suffix(&self) -> &[u8] {
        match (&self.suffix, &self.backup_dir) {
            (Some(suffix), _) => suffix,
            (None, Some(_)) => b"",
            (None, None) => b"~",
        }
    }
}

#[cfg(test)]
mod tests;
