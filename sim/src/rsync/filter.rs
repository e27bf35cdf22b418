//! Filter rules: which names are left out of a transfer, and which are protected from deletion.
//!
//! The first rule that matches a name decides; none leaves the name in. Modelled are patterns (exclude, include,
//! hide, show, protect, risk), merge files and `!`; rules read per folder (`:`) are refused.

mod wildmatch;

use serde::{Deserialize, Serialize};

use super::options::{LineKind, RuleSource};

/// What a matching rule does with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// `-`: left out, and protected.
    Exclude,
    /// `+`: kept in.
    Include,
    /// `!`: forgets all rules before it.
    Clear,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it does.
    pub verb: Verb,
    /// The pattern, without the slash that anchors it and the one that restricts it to folders.
    pub pattern: Vec<u8>,
    /// It matches from the root of the transfer only.
    pub anchored: bool,
    /// It matches folders only.
    pub folders_only: bool,
    /// It matches what the pattern does not.
    pub negated: bool,
    /// It holds for the sender's names.
    pub sender: bool,
    /// It holds for the receiver's names.
    pub receiver: bool,
    /// The sides were said, so `--delete-excluded` does not take one away.
    pub sided: bool,
    /// It does not hold in a folder that is itself being deleted.
    pub perishable: bool,
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// rsync says this and exits with 1.
    #[error("{0}")]
    Wrong(String),
    /// rsync knows it, the model does not.
    #[error("not modelled: {0}")]
    NotModelled(&'static str),
}

/// The side on which names are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The sender, listing what it has.
    Sender,
    /// The receiver, looking for what to delete.
    Receiver,
}

/// Rules in force on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters(Vec<Rule>);

impl Filters {
    /// Those of `rules` that hold on this side, after every `!`. With `delete_excluded`, plain excludes and
    /// includes hold on the sender only.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Rule>, side: Side, delete_excluded: bool) -> Self {
        let mut kept: Vec<Rule> = Vec::new();
        for rule in rules {
            if rule.verb == Verb::Clear {
                kept.clear();
                continue;
            }
            let receiver = rule.receiver && (rule.sided || !delete_excluded);
            if if side == Side::Sender { rule.sender } else { receiver } {
                kept.push(rule.clone());
            }
        }
        Self(kept)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name (from the root of the transfer, without a leading slash) is left out. In a folder that is
    /// being deleted, perishable rules are passed over.
    pub fn excludes(&self, name: &[u8], is_folder: bool, in_deleted_folder: bool) -> bool {
        let decisive = self
            .0
            .iter()
            .filter(|rule| !(rule.perishable && in_deleted_folder))
            .find(|rule| rule.matches(name, is_folder));
        decisive.is_some_and(|rule| rule.verb == Verb::Exclude)
    }
}

impl Rule {
    /// The rule of `--exclude` or `--include`; none for an empty pattern.
    pub fn pattern(text: &[u8], include: bool) -> Option<Rule> {
        let (verb, text) = match text {
            b"!" => (Verb::Clear, &text[1..]),
            _ if text.starts_with(b"+ ") => (Verb::Include, &text[2..]),
            _ if text.starts_with(b"- ") => (Verb::Exclude, &text[2..]),
            _ if include => (Verb::Include, text),
            _ => (Verb::Exclude, text),
        };
        (verb == Verb::Clear || !text.is_empty()).then(|| Rule::new(verb, text))
    }

    fn new(verb: Verb, text: &[u8]) -> Rule {
        let anchored = text.starts_with(b"/");
        let text = if anchored { &text[1..] } else { text };
        let folders_only = text.len() > 1 && text.ends_with(b"/");
        let text = if folders_only { &text[..text.len() - 1] } else { text };
        Rule {
            verb,
            pattern: text.to_vec(),
            anchored,
            folders_only,
            negated: false,
            sender: true,
            receiver: true,
            sided: false,
            perishable: false,
        }
    }

    fn matches(&self, name: &[u8], is_folder: bool) -> bool {
        if self.folders_only && !is_folder {
            return self.negated;
        }
        let found = match self.pattern.strip_suffix(b"/***") {
            Some(folder) => {
                let mut inside = folder.to_vec();
                inside.extend_from_slice(b"/**");
                (is_folder && self.matches_pattern(folder, name)) || self.matches_pattern(&inside, name)
            }
            None => self.matches_pattern(&self.pattern, name),
        };
        found != self.negated
    }

    fn matches_pattern(&self, pattern: &[u8], name: &[u8]) -> bool {
        let wild = pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
        let fits = |tail: &[u8]| if wild { wildmatch::matches(pattern, tail) } else { pattern == tail };
        if self.anchored {
            return fits(name);
        }
        // One that begins with `**` is held against the whole path with a slash before it.
        if pattern.starts_with(b"**") {
            return fits(&[b"/", name].concat());
        }
        // A pattern is held against the end of the path, beginning at any of its parts.
        let starts = (0..name.len()).filter(|&at| at == 0 || name[at - 1] == b'/');
        starts.rev().any(|at| fits(&name[at..]))
    }
}

/// The rules of one `--filter` argument: a pattern, or the file that a merge rule names.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_argument(text: &[u8]) -> Result<Vec<RuleSource>, RuleError> {
    let text = trim_start(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let rest = text.strip_prefix(b"merge").or_else(|| text.strip_prefix(b"."));
    if let Some(rest) = rest
        && rest.first().is_some_and(|byte| matches!(byte, b' ' | b'_' | b',' | b'-' | b'+'))
    {
        let rest = rest.strip_prefix(b",").unwrap_or(rest);
        let at = rest.iter().position(|byte| matches!(byte, b' ' | b'_'));
        let Some(at) = at else { return Err(unexpected_end(text)) };
        let lines = match &rest[..at] {
            b"" => LineKind::Rules,
            b"-" => LineKind::Exclude,
            b"+" => LineKind::Include,
            _ => return Err(RuleError::NotModelled("a merge rule with these modifiers")),
        };
        return Ok(vec![RuleSource::File { path: rest[at + 1..].to_vec(), lines }]);
    }
    Ok(vec![RuleSource::Rule(parse_rule(text)?)])
}

/// One rule as `--filter` takes it.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_rule(text: &[u8]) -> Result<Rule, RuleError> {
    const LONG: [(&[u8], u8); 9] = [
        (b"exclude", b'-'),
        (b"include", b'+'),
        (b"hide", b'H'),
        (b"show", b'S'),
        (b"protect", b'P'),
        (b"risk", b'R'),
        (b"clear", b'!'),
        (b"dir-merge", b':'),
        (b"merge", b'.'),
    ];
    let ends = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b' ' | b'_' | b','));
    let long = LONG.iter().find(|(name, _)| text.starts_with(name) && ends(text.get(name.len())));
    let (letter, mut at) = match long {
        Some((name, letter)) => (*letter, name.len()),
        None => (*text.first().unwrap_or(&0), 1),
    };
    let (verb, sides) = match letter {
        b'-' => (Verb::Exclude, (true, true)),
        b'+' => (Verb::Include, (true, true)),
        b'H' => (Verb::Exclude, (true, false)),
        b'S' => (Verb::Include, (true, false)),
        b'P' => (Verb::Exclude, (false, true)),
        b'R' => (Verb::Include, (false, true)),
        b'!' => (Verb::Clear, (true, true)),
        b':' => return Err(RuleError::NotModelled("rules read per folder")),
        b'.' => return Err(RuleError::NotModelled("a merge rule inside a file")),
        _ => return Err(RuleError::Wrong(format!("Unknown filter rule: {}", String::from_utf8_lossy(text)))),
    };
    if text.get(at) == Some(&b',') {
        at += 1;
    }
    let mut rule = Rule::new(verb, b"");
    (rule.sender, rule.receiver) = sides;
    rule.sided = matches!(letter, b'H' | b'S' | b'P' | b'R');
    let mut said = (false, false);
    let mut slash = false;
    while let Some(&byte) = text.get(at)
        && !matches!(byte, b' ' | b'_')
    {
        match byte {
            b'!' => rule.negated = true,
            b'/' => slash = true,
            b's' => said.0 = true,
            b'r' => said.1 = true,
            b'p' => rule.perishable = true,
            b'C' | b'x' => return Err(RuleError::NotModelled("the modifiers C and x")),
            other => {
                return Err(RuleError::Wrong(format!(
                    "invalid modifier '{}' at position {at} in filter rule: {}",
                    char::from(other),
                    String::from_utf8_lossy(text)
                )));
            }
        }
        at += 1;
    }
    if slash {
        return Err(RuleError::NotModelled("the modifier /"));
    }
    let pattern = text.get(at + 1..).unwrap_or(b"");
    if verb == Verb::Clear {
        return Ok(rule);
    }
    if pattern.is_empty() {
        return Err(unexpected_end(text));
    }
    let (sided, sides, negated, perishable) =
        (rule.sided, (rule.sender, rule.receiver), rule.negated, rule.perishable);
    rule = Rule::new(verb, pattern);
    (rule.sided, rule.negated, rule.perishable) = (sided || said != (false, false), negated, perishable);
    (rule.sender, rule.receiver) = if said == (false, false) { sides } else { said };
    Ok(rule)
}

/// The rules of a file's lines. Empty lines and those that begin with `#` or `;` say nothing; with `nul`, rules
/// end with NUL bytes and nothing is a comment. `file` is the file's name for messages.
///
/// # Errors
/// The first line that is no rule.
pub fn parse_lines(content: &[u8], kind: LineKind, nul: bool, file: &str) -> Result<Vec<Rule>, RuleError> {
    let mut rules = Vec::new();
    let lines = content.split(|&byte| if nul { byte == 0 } else { matches!(byte, b'\n' | b'\r') });
    for (number, line) in (1..).zip(lines) {
        if line.is_empty() || (!nul && matches!(line[0], b'#' | b';')) {
            continue;
        }
        match kind {
            LineKind::Exclude => rules.extend(Rule::pattern(line, false)),
            LineKind::Include => rules.extend(Rule::pattern(line, true)),
            LineKind::Rules => {
                let line = trim_start(line);
                if !line.is_empty() {
                    rules.push(parse_rule(line).map_err(|error| located(error, file, number))?);
                }
            }
        }
    }
    Ok(rules)
}

/// A wrong rule of a file is named by its place, not by its text.
fn located(error: RuleError, file: &str, number: usize) -> RuleError {
    let RuleError::Wrong(line) = error else { return error };
    let (what, _) = line.split_once(": ").unwrap_or((&line, ""));
    let what = if what.starts_with("invalid modifier") { "invalid modifier in filter rule" } else { what };
    RuleError::Wrong(format!("{what}: <rule from {file} line {number}>"))
}

fn trim_start(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| byte.is_ascii_whitespace()).count()..]
}

fn unexpected_end(text: &[u8]) -> RuleError {
    RuleError::Wrong(format!("unexpected end of filter rule: {}", String::from_utf8_lossy(text)))
}

#[cfg(test)]
mod tests;
