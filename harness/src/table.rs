//! Reads TOML tables with the place of everything that is read, and collects every mistake.
//!
//! A [`Table`] remembers which keys were asked for. What is left when [`Table::finish`] is called is an unknown
//! key, and the nearest of those that were asked for is what was probably meant.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::{Finding, Findings, Source, did_you_mean};
use crate::time::parse_span;

/// A value, and the byte range of the file where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands; with its quotes, if it is a text.
    pub span: Range<usize>,
}

impl<T> Placed<T> {
    /// A value that stands there.
    pub fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }

    /// The same place, another value.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { value: with(self.value), span: self.span }
    }
}

impl Placed<String> {
    /// Where a part of the text stands in the file; the whole text's place when it is written with escapes.
    pub fn part(&self, source: &Source, part: Range<usize>) -> Range<usize> {
        let written = source.text.get(self.span.clone()).unwrap_or_default();
        match written.find(&self.value) {
            Some(quote) => self.span.start + quote + part.start..self.span.start + quote + part.end,
            None => self.span.clone(),
        }
    }
}

/// A file that is being read, and what was found in it so far.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The file.
    pub source: &'a Source,
    top_keys: &'static [&'static str],
    findings: RefCell<Findings>,
    /// Whether it is no TOML: what a broken line took away is not missing.
    broken: Cell<bool>,
}

impl<'a> Reader<'a> {
    /// Begins to read a file.
    pub fn new(source: &'a Source) -> Self {
        Self { source, top_keys: &[], findings: RefCell::new(Findings::new()), broken: Cell::new(false) }
    }

    /// Says which keys stand at the top of the file, so that one that slipped below a table is answered so.
    #[must_use]
    pub fn with_top_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.top_keys = keys;
        self
    }

    /// Parses the file as TOML; what can be understood in spite of mistakes is given back.
    pub fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(&self.source.text);
        self.broken.set(!errors.is_empty());
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.push(Finding::error(self.source, span, error.message().trim().to_owned()));
        }
        table
    }

    /// Whether the file is no TOML, so that keys may be missing that its lines have.
    pub fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// Adds a finding.
    pub fn push(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    /// Adds an error at a place, with what to write instead.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.push(Finding::error(self.source, span, message).help(help));
    }

    /// Everything that was found, in the order of the file.
    pub fn into_findings(self) -> Findings {
        let found = self.findings.into_inner();
        let mut found: Vec<Finding> = found.iter().cloned().collect();
        found.sort_by_key(|finding| finding.span.start);
        found.into_iter().collect()
    }
}

/// One table of a file.
#[derive(Debug)]
pub struct Table<'a> {
    /// The file.
    pub reader: &'a Reader<'a>,
    /// What the table is called in messages, such as `[[fault]]`.
    pub what: String,
    /// Where it stands.
    pub span: Range<usize>,
    entries: &'a DeTable<'a>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Table<'a> {
    /// A table, called `what` in messages.
    pub fn new(
        reader: &'a Reader<'a>,
        what: impl Into<String>,
        span: Range<usize>,
        entries: &'a DeTable<'a>,
    ) -> Self {
        Self { reader, what: what.into(), span, entries, asked: RefCell::default() }
    }

    /// Whether the key is there.
    pub fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Where the key itself stands, if it is there.
    pub fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get_key_value(key).map(|(key, _)| key.span())
    }

    /// Adds an error that says that a key is missing.
    pub fn missing(&self, key: &str, help: impl Into<String>) {
        if self.reader.is_broken() {
            return;
        }
        // The header alone is underlined: a table's span may cover many lines.
        let header = self.reader.source.line_span(self.reader.source.line_of(self.span.start));
        let span = self.span.start..header.end.max(self.span.start).min(self.span.end.max(self.span.start));
        self.reader.error(span, format!("`{key}` is missing in {}", self.what), help);
    }

    /// The text of a key.
    pub fn text(&self, key: &'static str) -> Option<Placed<String>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Placed::new(text.to_string(), value.span())),
            _ => self.wrong_type(key, value, "a text in quotes"),
        }
    }

    /// The text of a key that must be there.
    pub fn require_text(&self, key: &'static str, help: &str) -> Option<Placed<String>> {
        if !self.has(key) {
            self.missing(key, help);
        }
        self.text(key)
    }

    /// The whole number of a key.
    pub fn number(&self, key: &'static str) -> Option<Placed<u64>> {
        let value = self.value(key)?;
        if let DeValue::Integer(number) = value.get_ref()
            && let Ok(number) = u64::from_str_radix(number.as_str(), number.radix())
        {
            return Some(Placed::new(number, value.span()));
        }
        self.wrong_type(key, value, "a whole number, 0 or more")
    }

    /// The number of a key, with or without a fraction, as it is written.
    pub fn number_as_text(&self, key: &'static str) -> Option<Placed<String>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => {
                Some(Placed::new(number.as_str().to_owned(), value.span()))
            }
            DeValue::Float(number) => Some(Placed::new(number.as_str().to_owned(), value.span())),
            _ => self.wrong_type(key, value, "a number"),
        }
    }

    /// The one of these choices whose word the key holds.
    pub fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let chosen = choices.iter().find(|(word, _)| *word == text.value);
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let help = did_you_mean(&text.value, &words);
            self.reader.error(text.span, format!("`{key}` cannot be `{}`", text.value), help);
        }
        chosen.map(|(_, value)| *value)
    }

    /// The span of time of a key, written as a text.
    pub fn span_of_time(&self, key: &'static str) -> Option<Placed<Duration>> {
        let text = self.text(key)?;
        match parse_span(&text.value) {
            Ok(span) => Some(Placed::new(span, text.span)),
            Err(why) => {
                self.reader.error(text.span, format!("`{key}` is not a span of time"), why);
                None
            }
        }
    }

    /// The texts of a key that holds one text or a list of them.
    pub fn texts(&self, key: &'static str) -> Option<Vec<Placed<String>>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(vec![Placed::new(text.to_string(), value.span())]),
            DeValue::Array(items) => {
                let mut texts = Vec::new();
                for item in items.iter() {
                    match item.get_ref() {
                        DeValue::String(text) => texts.push(Placed::new(text.to_string(), item.span())),
                        _ => self.wrong_type::<()>(key, item, "a list of texts").unwrap_or(()),
                    }
                }
                Some(texts)
            }
            _ => self.wrong_type(key, value, "a list of texts"),
        }
    }

    /// Either a whole number or a list of texts.
    pub fn number_or_texts(&self, key: &'static str) -> Option<Result<Placed<u64>, Vec<Placed<String>>>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Integer(_) => self.number(key).map(Ok),
            DeValue::String(_) | DeValue::Array(_) => self.texts(key).map(Err),
            _ => self.wrong_type(key, value, "a whole number or a list of texts"),
        }
    }

    /// The table of a key.
    pub fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Table(entries) => {
                Some(Table::new(self.reader, format!("[{key}]"), value.span(), entries))
            }
            _ => self.wrong_type(key, value, "a table"),
        }
    }

    /// The tables of a key that is written with `[[key]]`.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type::<()>(key, value, &format!("written as [[{key}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(entries) => {
                    tables.push(Table::new(self.reader, format!("[[{key}]]"), item.span(), entries));
                }
                _ => self.wrong_type::<()>(key, item, &format!("written as [[{key}]]")).unwrap_or(()),
            }
        }
        tables
    }

    /// Ends the reading of a table whose keys are the user's own: every key, and its text.
    pub fn into_texts(self) -> Vec<(Placed<String>, Placed<String>)> {
        let mut texts = Vec::new();
        for (key, value) in self.entries {
            let name = Placed::new(key.get_ref().to_string(), key.span());
            match value.get_ref() {
                DeValue::String(text) => texts.push((name, Placed::new(text.to_string(), value.span()))),
                _ => self.wrong_type::<()>(&name.value, value, "a text in quotes").unwrap_or(()),
            }
        }
        texts
    }

    /// Ends the reading of this table: keys that nobody asked for are errors.
    pub fn finish(self) {
        let known: Vec<&str> = self.asked.borrow().iter().copied().collect();
        for key in self.entries.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let message = format!("unknown key `{name}` in {}", self.what);
                let help = match self.reader.top_keys.contains(&name) {
                    true => format!("`{name}` belongs to the top of the file, above the first `[...]`"),
                    false => did_you_mean(name, &known),
                };
                self.reader.error(key.span(), message, help);
            }
        }
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().insert(key);
        self.entries.get(key)
    }

    fn wrong_type<T>(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) -> Option<T> {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
        self.reader.error(
            value.span(),
            format!("`{key}` has the wrong type"),
            format!("it must be {expected}, and is {article} {found}"),
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str, read: impl Fn(&Table<'_>)) -> Vec<(String, String)> {
        let source = Source::new("a.toml", text);
        let reader = Reader::new(&source);
        let document = reader.parse();
        let table = Table::new(&reader, "the file", document.span(), document.get_ref());
        read(&table);
        table.finish();
        let found = reader.into_findings();
        found
            .iter()
            .map(|finding| (source.text[finding.span.clone()].to_owned(), finding.help.clone()))
            .collect()
    }

    #[test]
    fn every_mistake_is_found_and_underlined() {
        let found = findings("title = 3\nphasse = 1\nspan = 'long'\nlist = ['a', 2]\n", |table| {
            table.text("title");
            table.number("phase");
            table.span_of_time("span");
            table.texts("list");
        });
        let wrong: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(wrong, ["3", "phasse", "'long'", "2"]);
        assert_eq!(found[1].1, "write `phase`");
    }

    #[test]
    fn text_that_is_no_toml_is_a_finding_and_the_rest_is_read() {
        let found = findings("title = \nkind = 3\n", |table| {
            table.text("title");
            table.text("kind");
        });
        assert!(found.len() >= 2, "{found:?}");
    }

    #[test]
    fn a_part_of_a_text_is_found_in_the_file() {
        let source = Source::new("a.toml", "a = \"one two\"\nb = \"\\u0061 b\"");
        let text = Placed::new("one two".to_owned(), 4..13);
        assert_eq!(&source.text[text.part(&source, 4..7)], "two");
        let escaped = Placed::new("a b".to_owned(), 18..28);
        assert_eq!(escaped.part(&source, 0..1), 18..28);
    }
}
