//! Reading TOML with the place of every key and value, so that all mistakes of a file come back at once.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use harness::finding::{Finding, Findings, Source, did_you_mean};
use harness::time::parse_span;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The root table of a file; what is not TOML becomes findings and is left out.
pub(super) fn parse<'a>(source: &'a Source, findings: &mut Findings) -> DeTable<'a> {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        findings.push(Finding::error(source, on_characters(source, span), error.message().to_owned()));
    }
    root.into_inner()
}

/// A span moved outwards to whole characters: the parser may point into the middle of one.
fn on_characters(source: &Source, span: Range<usize>) -> Range<usize> {
    let text = &source.text;
    let start = span.start.min(text.len());
    let end = span.end.clamp(start, text.len());
    let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end
}

/// A table that is being read: it remembers which keys were asked for, so that the rest can be reported.
pub(super) struct Table<'a> {
    source: &'a Source,
    /// Dotted, empty for the root.
    name: String,
    entries: &'a DeTable<'a>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

/// A key that nobody asked for.
pub(super) struct Unknown<'a> {
    pub(super) key: &'a str,
    pub(super) span: Range<usize>,
}

impl<'a> Table<'a> {
    /// The root of a file.
    pub(super) fn root(source: &'a Source, entries: &'a DeTable<'a>) -> Self {
        Self { source, name: String::new(), entries, span: 0..0, known: Vec::new() }
    }

    /// Where the table stands, for what is missing in it.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The place of the key itself; the table's when it is missing.
    pub(super) fn key_span(&self, key: &str) -> Range<usize> {
        self.entries
            .get_key_value(&Spanned::new(0..0, Cow::Borrowed(key)))
            .map_or_else(|| self.span(), |(key, _)| key.span())
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries.get(key)
    }

    /// A finding about the value of `key`.
    fn wrong(&self, key: &str, value: &Spanned<DeValue<'a>>, expected: &str) -> Finding {
        let message = format!("`{}` is {}, not {expected}", self.path(key), kind(value.get_ref()));
        Finding::error(self.source, value.span(), message)
    }

    /// An error about the value of `key`.
    pub(super) fn about(&self, key: &str, message: impl Into<String>) -> Finding {
        let span = self.entries.get(key).map_or_else(|| self.span(), Spanned::span);
        Finding::error(self.source, span, message)
    }

    /// The dotted name of a key of this table.
    pub(super) fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str, findings: &mut Findings) -> Option<Spanned<String>> {
        let value = self.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            findings.push(self.wrong(key, value, "a text in quotes"));
            return None;
        };
        if text.trim().is_empty() || text.contains(['\0', '\n']) {
            let message = format!("`{}` is empty or has more than one line", self.path(key));
            findings.push(Finding::error(self.source, value.span(), message));
            return None;
        }
        Some(Spanned::new(value.span(), text.to_owned()))
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &'static str, findings: &mut Findings) -> Option<Spanned<String>> {
        if !self.has(key) {
            self.missing(key, findings);
        }
        self.text(key, findings)
    }

    /// Reports that `key` must be there.
    pub(super) fn missing(&mut self, key: &'static str, findings: &mut Findings) {
        self.value(key);
        let place = if self.name.is_empty() { "the file".to_owned() } else { format!("`{}`", self.name) };
        findings.push(Finding::error(self.source, self.span(), format!("{place} has no `{key}`")));
    }

    /// A whole number in a range; also one in quotes, which the real server reads too.
    pub(super) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        findings: &mut Findings,
    ) -> Option<Spanned<i64>> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(Spanned::new(value.span(), number)),
            None => {
                let expected = format!("a whole number from {} to {}", range.start(), range.end());
                findings.push(self.wrong(key, value, &expected));
                None
            }
        }
    }

    /// A port number; the offset may still be added to it.
    pub(super) fn port(&mut self, key: &'static str, findings: &mut Findings) -> Option<Spanned<u16>> {
        let number = self.integer(key, 1..=65_535, findings)?;
        Some(Spanned::new(number.span(), u16::try_from(number.into_inner()).expect("the range is a port's")))
    }

    /// A span of time, such as `"5s"`.
    pub(super) fn duration(&mut self, key: &'static str, findings: &mut Findings) -> Option<Duration> {
        let text = self.text(key, findings)?;
        match parse_span(text.get_ref()) {
            Ok(duration) => Some(duration),
            Err(why) => {
                let message = format!("`{}` is not a span of time", self.path(key));
                findings.push(Finding::error(self.source, text.span(), message).help(why));
                None
            }
        }
    }

    /// Yes or no.
    pub(super) fn boolean(&mut self, key: &'static str, findings: &mut Findings) -> Option<bool> {
        let value = self.value(key)?;
        let found = match value.get_ref() {
            DeValue::Boolean(yes) => Some(*yes),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        if found.is_none() {
            findings.push(self.wrong(key, value, "`true` or `false`"));
        }
        found
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        findings: &mut Findings,
    ) -> Option<T> {
        let text = self.text(key, findings)?;
        let found = choices.iter().find(|(word, _)| word == text.get_ref()).map(|(_, choice)| *choice);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let message = format!("`{}` is not a {key} that the model knows", text.get_ref());
            findings.push(
                Finding::error(self.source, text.span(), message).help(did_you_mean(text.get_ref(), &words)),
            );
        }
        found
    }

    /// An IP address.
    pub(super) fn address(&mut self, key: &'static str, findings: &mut Findings) -> Option<Spanned<IpAddr>> {
        let text = self.text(key, findings)?;
        match text.get_ref().parse() {
            Ok(address) => Some(Spanned::new(text.span(), address)),
            Err(_) => {
                let message = format!("`{}` is not an IP address", text.get_ref());
                findings.push(Finding::error(self.source, text.span(), message).help("such as `10.0.0.10`"));
                None
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str, findings: &mut Findings) -> Vec<String> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            findings.push(self.wrong(key, value, "a list of texts"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in list {
            match item.get_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => findings.push(self.wrong(key, item, "a text in quotes")),
            }
        }
        texts
    }

    /// A table inside this one.
    pub(super) fn table(&mut self, key: &'static str, findings: &mut Findings) -> Option<Table<'a>> {
        let value = self.value(key)?;
        let Some(entries) = value.get_ref().as_table() else {
            findings.push(self.wrong(key, value, "a table"));
            return None;
        };
        let span = if value.span().is_empty() { self.key_span(key) } else { value.span() };
        Some(Table { source: self.source, name: self.path(key), entries, span, known: Vec::new() })
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str, findings: &mut Findings) -> Vec<Table<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let mut tables = Vec::new();
        let items = value.get_ref().as_array();
        for item in items.map_or(std::slice::from_ref(value), |list| list.as_ref()) {
            match item.get_ref().as_table() {
                Some(entries) if items.is_some() => {
                    let (name, span) = (self.path(key), item.span());
                    tables.push(Table { source: self.source, name, entries, span, known: Vec::new() });
                }
                _ => findings.push(self.wrong(key, item, &format!("a table of `[[{key}]]`"))),
            }
        }
        tables
    }

    /// The keys that nobody asked for, in order of the alphabet.
    pub(super) fn unknown(&self) -> impl Iterator<Item = Unknown<'a>> {
        self.entries
            .iter()
            .filter(|(key, _)| !self.known.contains(&key.get_ref().as_ref()))
            .map(|(key, _)| Unknown { key: key.get_ref().as_ref(), span: key.span() })
    }

    /// The keys that were asked for.
    pub(super) fn known(&self) -> &[&'static str] {
        &self.known
    }

    /// Reports every key that nobody asked for as an error.
    pub(super) fn finish(self, findings: &mut Findings) {
        for unknown in self.unknown() {
            let message = format!("unknown key `{}`", self.path(unknown.key));
            findings.push(
                Finding::error(self.source, unknown.span, message)
                    .help(did_you_mean(unknown.key, &self.known)),
            );
        }
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.len() <= 40 => format!("the text `{text}`"),
        DeValue::String(_) => "a text".to_owned(),
        DeValue::Integer(number) if number.radix() == 10 => format!("the number `{}`", number.as_str()),
        DeValue::Integer(_) => "a number".to_owned(),
        DeValue::Float(_) => "a fraction".to_owned(),
        DeValue::Boolean(yes) => format!("`{yes}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
