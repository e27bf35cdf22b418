//! The texts of rules: arguments of `--filter`, `--exclude` and `--include`, and the lines of files.

use std::io;

use bytes::Bytes;

use super::origin::Origin;
use super::token::{is_space, token};
use super::{Flags, Rule, Side};
use crate::rsync::outcome::FILE_IO;
use crate::rsync::paths::{collapsed, split};
use crate::rsync::stop::show_errno;

/// How deep files may name one another.
const DEPTH_MAX: usize = 32;
/// Bytes of a rule that is not passed over.
const RULE_BYTES_MAX: usize = 5_119;
const PATTERN_BYTES_MAX: usize = 4_095;
/// Rules of one file with all that it names. The real program takes them until memory is full.
const RULES_MAX: usize = 100_000;

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleError {
    /// rsync says this and exits.
    Wrong {
        /// What it says.
        line: Vec<u8>,
        /// Its exit code.
        code: u8,
        /// The place of its source that the next line names.
        place: &'static str,
    },
    /// rsync knows it, the model does not.
    NotModelled(&'static str),
}

/// How a process reads files of rules.
pub struct Reading<'a> {
    /// Opens a file, whose path counts from where the process is.
    pub open: &'a dyn Fn(&[u8]) -> io::Result<Bytes>,
    /// Prints a warning.
    pub say: &'a dyn Fn(Vec<u8>),
    /// The process, as messages name it.
    pub role: &'static str,
    /// `-0`: lines end with NUL bytes.
    pub nul: bool,
    /// `--delete-excluded`.
    pub delete_excluded: bool,
}

impl Reading<'static> {
    /// For texts that name no files.
    pub fn of_nothing() -> Self {
        Reading { open: &|_| Ok(Bytes::new()), say: &|_| {}, role: "", nul: false, delete_excluded: false }
    }
}

/// Which letters may stand before a pattern, and what a slash means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A rule as `--filter` takes it.
    Rule,
    /// A pattern, perhaps with `+ ` or `- ` before it (`--exclude` and its kin).
    Old,
    /// A rule of a folder's own file, on this side: a slash at its beginning means that folder.
    Anchored(Side),
}

/// Where rules are put.
pub(super) trait Target {
    fn add(&mut self, rule: Rule) -> Result<(), RuleError>;
    /// Forgets what is there.
    fn clear(&mut self);
}

/// Reads texts into a list.
pub(super) struct Parser<'a, T> {
    reading: &'a Reading<'a>,
    target: &'a mut T,
    /// The absolute folder whose file is read, with a slash at its end; empty for the command line's.
    folder: &'a [u8],
    /// A folder above the transfer is looked at: names of files in it count from there.
    pub above: bool,
    depth: usize,
    rules: usize,
}

impl<'a, T: Target> Parser<'a, T> {
    pub fn new(reading: &'a Reading<'a>, target: &'a mut T, folder: &'a [u8]) -> Self {
        Self { reading, target, folder, above: false, depth: 0, rules: 0 }
    }

    /// Takes one text: a rule, or several where words part them.
    pub fn text(
        &mut self,
        text: &[u8],
        template: Flags,
        style: Style,
        origin: &Origin,
    ) -> Result<(), RuleError> {
        let mut rest = text;
        loop {
            if template.has(Flags::WORDS) {
                rest = &rest[rest.iter().take_while(|byte| is_space(**byte)).count()..];
            }
            if rest.is_empty() {
                return Ok(());
            }
            let (mut flags, pattern) = token(&mut rest, template, style, origin, self.reading)?;
            if !matches!(origin, Origin::Given) {
                flags |= Flags::FROM_FILE;
            }
            self.rules += 1;
            if self.rules > RULES_MAX {
                return Err(RuleError::NotModelled("more than 100,000 rules of one file"));
            }
            if pattern.len() > PATTERN_BYTES_MAX {
                self.discard(pattern, origin);
            } else if flags.has(Flags::CLEAR) {
                self.target.clear();
            } else if flags.has(Flags::MERGE) {
                self.merge_rule(flags, pattern, origin)?;
            } else {
                self.add(flags, pattern, style)?;
            }
        }
    }

    fn discard(&self, text: &[u8], origin: &Origin) {
        (self.reading.say)([b"discarding over-long filter: ", &*origin.shown(text)].concat());
    }

    fn merge_rule(&mut self, mut flags: Flags, name: &[u8], origin: &Origin) -> Result<(), RuleError> {
        let name = if name.is_empty() { b".cvsignore" } else { name };
        if flags.has(Flags::EXCLUDE_SELF) {
            self.add(Flags::default(), split(name).1, Style::Rule)?;
            flags = flags.without(Flags::EXCLUDE_SELF);
        }
        if !flags.has(Flags::PER_FOLDER) {
            return self.merged(&self.file_name(name), flags, Style::Rule, origin);
        }
        let name = if self.above { self.file_name(name) } else { name.to_vec() };
        self.add(flags, &name, Style::Rule)
    }

    /// The path of a file that a rule names: one with a slash counts from the folder of the file that the rule stands
    /// in, one without from where the process is.
    fn file_name(&self, name: &[u8]) -> Vec<u8> {
        if name.starts_with(b"/") {
            collapsed(name)
        } else if self.above || name.contains(&b'/') {
            collapsed(&[self.folder, name].concat())
        } else {
            name.to_vec()
        }
    }

    /// Reads a file that must be there.
    pub fn merged(
        &mut self,
        path: &[u8],
        template: Flags,
        style: Style,
        named_at: &Origin,
    ) -> Result<(), RuleError> {
        if self.depth == DEPTH_MAX {
            let begin =
                format!("[{}] merge-file include depth limit ({DEPTH_MAX}) exceeded at ", self.reading.role);
            let line = [begin.as_bytes(), &*named_at.shown(path)].concat();
            return Err(RuleError::Wrong { line, code: FILE_IO, place: "exclude.c(1626)" });
        }
        if path == b"-" {
            return Err(RuleError::NotModelled("rules from standard input"));
        }
        let content = (self.reading.open)(path);
        let content = match content {
            Ok(content) => content,
            // A folder is opened and gives no line.
            Err(error) if error.raw_os_error() == Some(crate::disk::errno::EISDIR) => Bytes::new(),
            Err(error) => return Err(self.cannot_open(path, template, named_at, &error)),
        };
        self.lines(&content, template, style, &named_at.of_file(path))
    }

    fn cannot_open(&self, path: &[u8], template: Flags, named_at: &Origin, error: &io::Error) -> RuleError {
        let what = if template.has(Flags::INCLUDE) { "include" } else { "exclude" };
        let line = match named_at {
            Origin::Given => [
                format!("rsync: [{}] failed to open {what} file ", self.reading.role).as_bytes(),
                path,
                format!(": {}", show_errno(error)).as_bytes(),
            ]
            .concat(),
            _ => [format!("failed to open {what} file ").as_bytes(), &*named_at.shown(path)].concat(),
        };
        RuleError::Wrong { line, code: FILE_IO, place: "exclude.c(1719)" }
    }

    /// Takes a file's lines. Empty ones say nothing, nor do those that begin with `#` or `;` where not words are read.
    pub fn lines(
        &mut self,
        content: &[u8],
        template: Flags,
        style: Style,
        origin: &Origin,
    ) -> Result<(), RuleError> {
        self.depth += 1;
        let (words, nul) = (template.has(Flags::WORDS), self.reading.nul);
        let ends = |&byte: &u8| {
            (words && is_space(byte)) || if nul { byte == 0 } else { matches!(byte, b'\n' | b'\r') }
        };
        for (number, line) in (1..).zip(content.split(ends)) {
            let origin = match origin {
                Origin::Line(file, _) => Origin::Line(file.clone(), (!words).then_some(number)),
                other => other.clone(),
            };
            if line.len() > RULE_BYTES_MAX {
                self.discard(line, &origin);
                continue;
            }
            // What stands behind a NUL byte is not seen.
            let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
            if line.is_empty() || (!words && matches!(line[0], b'#' | b';')) {
                continue;
            }
            self.text(line, template, style, &origin)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn add(&mut self, mut flags: Flags, pattern: &[u8], style: Style) -> Result<(), RuleError> {
        if let Style::Anchored(side) = style
            && flags.has_sides()
            && !flags.has(side.flag())
        {
            return Ok(());
        }
        let mut pattern = pattern.to_vec();
        if pattern.len() > 1 && pattern.ends_with(b"/") {
            pattern.pop();
            flags |= Flags::FOLDERS_ONLY;
        }
        let is_plain = !flags.has(Flags::ABSOLUTE) && !flags.has(Flags::MERGE);
        if matches!(style, Style::Anchored(_)) && is_plain && pattern.starts_with(b"/") {
            flags |= Flags::ABSOLUTE;
            pattern = [self.folder.strip_suffix(b"/").unwrap_or(self.folder), &pattern].concat();
        }
        self.target.add(Rule { flags, pattern })
    }
}
