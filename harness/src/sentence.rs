//! A sentence of a user as its words, and the place where understanding ends: what expectations and the
//! beginnings of faults are read with.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use crate::capability::Capability;
use crate::expectation::{Named, Role, Share};
use crate::finding::nearest;
use crate::time::parse_span;

/// Where the understanding of a sentence ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotUnderstood {
    /// The bytes of the sentence that are not understood; empty at its end when something is missing there.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What could be written instead.
    pub help: String,
}

#[derive(Debug)]
struct Word {
    text: String,
    lower: String,
    span: Range<usize>,
}

/// The words of a sentence, read from left to right. Every word that was expected somewhere and was not there
/// is remembered, so that the place where the best attempt ended can be explained.
#[derive(Debug)]
pub(crate) struct Words {
    words: Vec<Word>,
    end: usize,
    at: usize,
    /// What was expected at each place that an attempt reached.
    expected: BTreeMap<usize, BTreeSet<&'static str>>,
    /// Places whose word was taken for a name, though it may be a known word with a typing error.
    named: BTreeSet<usize>,
    sentence: String,
}

impl Words {
    /// Splits a sentence: at blanks; commas, colons and `%` are words of their own; a last full stop is none.
    pub(crate) fn of(text: &str) -> Self {
        let mut words = Vec::new();
        let end = text.trim_end().trim_end_matches('.').len();
        let mut start = None;
        for (index, c) in text[..end].char_indices().chain([(end, ' ')]) {
            let stands_alone = matches!(c, ',' | ':' | ';' | '%');
            if stands_alone || c.is_whitespace() {
                if let Some(start) = start.take() {
                    words.push(Word::new(text, start..index));
                }
                if stands_alone {
                    words.push(Word::new(text, index..index + 1));
                }
            } else {
                start.get_or_insert(index);
            }
        }
        let (expected, named) = (BTreeMap::new(), BTreeSet::new());
        Self { words, end, at: 0, expected, named, sentence: text.to_owned() }
    }

    /// Reads from the beginning again; what was expected stays known.
    pub(crate) fn restart(&mut self) {
        self.at = 0;
    }

    /// Whether all words are read.
    pub(crate) fn at_end(&mut self) -> bool {
        self.at == self.words.len() || {
            self.expect(&["the end of the sentence"]);
            false
        }
    }

    /// Takes the next word if it is one of these.
    pub(crate) fn word(&mut self, these: &[&'static str]) -> Option<&'static str> {
        let next = self.words.get(self.at).map(|word| word.lower.as_str());
        let found = these.iter().copied().find(|&this| next == Some(this));
        match found {
            Some(_) => self.at += 1,
            None => self.expect(these),
        }
        found
    }

    /// Takes these words if they are the next ones, in this order, all or none.
    pub(crate) fn words(&mut self, these: &[&'static str]) -> Option<()> {
        let before = self.at;
        for this in these {
            if self.word(&[this]).is_none() {
                self.at = before;
                return None;
            }
        }
        Some(())
    }

    /// Takes the first of these rows of words that stands here.
    pub(crate) fn phrase(&mut self, rows: &[&[&'static str]]) -> Option<()> {
        rows.iter().find_map(|row| self.words(row))
    }

    /// Takes the next word, if it is one of these; a sentence means the same without it.
    pub(crate) fn maybe(&mut self, these: &[&'static str]) -> bool {
        self.word(these).is_some()
    }

    /// The place that is reached.
    pub(crate) fn mark(&self) -> usize {
        self.at
    }

    /// Reads on from an earlier place.
    pub(crate) fn go_back(&mut self, mark: usize) {
        self.at = mark;
    }

    /// A capability, by one of the words that operators have for it.
    pub(crate) fn capability(&mut self) -> Option<Capability> {
        const SERVE: &[&str] = &["traffic", "serving", "calls"];
        const PUBLISH: &[&str] = &["publishing"];
        const SYNC: &[&str] = &["sync", "syncing", "synchronisation", "synchronization"];
        const ADMINISTER: &[&str] = &["administration", "administering", "management", "console"];
        self.maybe(&["the"]);
        if self.word(SERVE).is_some() || self.words(&["api", "traffic"]).is_some() {
            return Some(Capability::Serve);
        }
        if self.word(PUBLISH).is_some() {
            return Some(Capability::Publish);
        }
        if self.word(SYNC).is_some() {
            return Some(Capability::Sync);
        }
        self.word(ADMINISTER).map(|_| Capability::Administer)
    }

    /// A percentage: `99.9 %`, `99.9 percent`.
    pub(crate) fn share(&mut self) -> Option<Share> {
        let before = self.at;
        let number = self.words.get(before).and_then(|word| millionths(&word.text));
        let Some(number) = number else {
            self.expect(&["a percentage such as `99.9 %`"]);
            return None;
        };
        self.at += 1;
        if self.word(&["%", "percent"]).is_none() {
            self.at = before;
            return None;
        }
        Some(Share(number))
    }

    /// A whole number, or `no`.
    pub(crate) fn count(&mut self) -> Option<u64> {
        let next = self.words.get(self.at);
        let number = next.and_then(|word| match word.lower.as_str() {
            "no" | "none" | "zero" => Some(0),
            "one" => Some(1),
            other => other.parse().ok(),
        });
        match number {
            Some(_) => self.at += 1,
            None => self.expect(&["a whole number"]),
        }
        number
    }

    /// An ordinal: `3rd`, `third`; the first when there is none.
    pub(crate) fn ordinal(&mut self) -> u64 {
        let next = self.words.get(self.at).and_then(|word| match word.lower.as_str() {
            "first" => Some(1),
            "second" => Some(2),
            "third" => Some(3),
            other => {
                let digits = other.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let number = digits.parse::<u64>().ok().filter(|&number| number > 0)?;
                matches!(&other[digits.len()..], "st" | "nd" | "rd" | "th").then_some(number)
            }
        });
        match next {
            Some(number) => {
                self.at += 1;
                number
            }
            None => {
                self.expect(&["an ordinal such as `3rd`"]);
                1
            }
        }
    }

    /// A span of time, in as many words as belong to it.
    pub(crate) fn span(&mut self) -> Option<Duration> {
        for many in (1..=4).rev() {
            let Some(words) = self.words.get(self.at..self.at + many) else { continue };
            let text: Vec<&str> = words.iter().map(|word| word.lower.as_str()).collect();
            if let Ok(span) = parse_span(&text.join(" ")) {
                self.at += many;
                return Some(span);
            }
        }
        self.expect(&["a span of time such as `2 minutes`"]);
        None
    }

    /// A name: any word that is none of `reserved`, which could stand here too and means something else.
    pub(crate) fn name(&mut self, what: &'static str, reserved: &[&str]) -> Option<Named> {
        const NEVER: [&str; 5] = [",", ":", ";", "%", "and"];
        match self.words.get(self.at) {
            Some(word)
                if !reserved.contains(&word.lower.as_str()) && !NEVER.contains(&word.lower.as_str()) =>
            {
                self.named.insert(self.at);
                self.at += 1;
                Some(Named { name: word.text.clone(), span: word.span.clone() })
            }
            _ => {
                self.expect(&[what]);
                None
            }
        }
    }

    /// A role's word.
    pub(crate) fn role(&mut self) -> Option<Role> {
        let role = self.words.get(self.at).and_then(|word| Role::of(&word.lower));
        match role {
            Some(_) => self.at += 1,
            None => self.expect(&["worker", "workers", "manager", "balancer"]),
        }
        role
    }

    /// Why the sentence is not understood: the place that the best attempt reached.
    pub(crate) fn not_understood<'e>(&self, examples: impl Iterator<Item = &'e str>) -> NotUnderstood {
        let examples = nearest_examples(&self.sentence, examples);
        if self.words.is_empty() {
            let (message, help) = ("the sentence is empty".to_owned(), format!("for example {examples}"));
            return NotUnderstood { span: 0..self.sentence.len(), message, help };
        }
        let blamed = self.blamed();
        let expected = self.expected.get(&blamed).cloned().unwrap_or_default();
        let choices = expected.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        match self.words.get(blamed) {
            Some(word) => {
                let help = match nearest(&word.lower, expected.iter().copied()) {
                    Some(near) => format!("write `{near}`"),
                    None => format!("here could stand: {choices}; for example {examples}"),
                };
                let shown: String = word.text.chars().take(40).collect();
                let message = format!("`{shown}` is not understood here");
                NotUnderstood { span: word.span.clone(), message, help }
            }
            None => NotUnderstood {
                span: self.end..self.end,
                message: "the sentence ends too early".to_owned(),
                help: format!("here could follow: {choices}; for example {examples}"),
            },
        }
    }

    /// The place to blame: the furthest that was reached, or a word that was taken for a name and is nearly a
    /// word that was expected there.
    fn blamed(&self) -> usize {
        let mistyped = self.named.iter().copied().find(|place| {
            let known = self.expected.get(place).into_iter().flatten().copied();
            let word = self.words[*place].lower.as_str();
            // A digit makes it a name: `worker1` is not `workers` with a typing error.
            word.chars().all(char::is_alphabetic) && nearest(word, known).is_some()
        });
        mistyped.or_else(|| self.expected.keys().next_back().copied()).unwrap_or(0)
    }

    fn expect(&mut self, these: &[&'static str]) {
        self.expected.entry(self.at).or_default().extend(these);
    }
}

impl Word {
    fn new(text: &str, span: Range<usize>) -> Self {
        let text = &text[span.clone()];
        Self { text: text.to_owned(), lower: text.to_lowercase(), span }
    }
}

/// `99.9` as millionths of a hundred: 999,000. At most 100, at most four digits after the point.
fn millionths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 4 {
        return None;
    }
    let fraction: u32 = format!("{fraction:0<4}").parse().ok()?;
    let value = whole.parse::<u32>().ok()?.checked_mul(10_000)?.checked_add(fraction)?;
    (value <= 1_000_000).then_some(value)
}

/// The two examples that are most like the sentence.
fn nearest_examples<'e>(sentence: &str, examples: impl Iterator<Item = &'e str>) -> String {
    // A sentence of any length must not make this slow.
    let sentence: String = sentence.chars().take(200).collect();
    let mut ranked: Vec<(u64, &str)> =
        examples.map(|example| ((strsim::sorensen_dice(&sentence, example) * 1e6) as u64, example)).collect();
    ranked.sort_by_key(|(similarity, _)| std::cmp::Reverse(*similarity));
    let best: Vec<String> = ranked.iter().take(2).map(|(_, example)| format!("`{example}`")).collect();
    best.join(" or ")
}
