//! What is wrong with a file that a user wrote: where, what, and what to write instead.
//!
//! Every parser of the project collects [`Findings`] rather than stopping at the first mistake, so that all
//! mistakes of a file are shown at once. An error forbids the run; a warning says what the real program
//! would silently ignore.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan};

/// A text that findings point into: a file's name as the user knows it, and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's name, as shown to the user.
    pub name: Arc<str>,
    /// The whole text of the file.
    pub text: Arc<str>,
}

impl Source {
    /// A source with this name and text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The line (from 1) in which the byte at `offset` stands; past the end, the last line.
    pub fn line_of(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        1 + self.text.as_bytes()[..end].iter().filter(|&&byte| byte == b'\n').count()
    }

    /// The byte range of line `number` (from 1), without its line break; empty at the end when there is none.
    pub fn line_span(&self, number: usize) -> Range<usize> {
        let mut start = 0;
        for (index, line) in self.text.split('\n').enumerate() {
            if index + 1 == number {
                return start..start + line.trim_end_matches('\r').len();
            }
            start += line.len() + 1;
        }
        self.text.len()..self.text.len()
    }
}

/// Whether a finding forbids the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The real program would ignore this silently; the run goes on.
    Warning,
    /// The file cannot be used.
    Error,
}

/// One mistake in one place of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it forbids the run.
    pub severity: Severity,
    /// The file.
    pub source: Source,
    /// The wrong text, as a byte range of the file; empty when something is missing there.
    pub span: Range<usize>,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What to write instead; empty when the message says it.
    pub help: String,
}

impl Finding {
    /// An error at `span` of `source`.
    pub fn error(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, source, span, message)
    }

    /// A warning at `span` of `source`.
    pub fn warning(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, source, span, message)
    }

    fn new(severity: Severity, source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        let end = span.end.min(source.text.len());
        let span = span.start.min(end)..end;
        Self { severity, source: source.clone(), span, message: message.into(), help: String::new() }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The line (from 1) in which the wrong text begins.
    pub fn line(&self) -> usize {
        self.source.line_of(self.span.start)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Finding {}

impl Diagnostic for Finding {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = (self.span.start, self.span.len());
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(Some("here".to_owned()), span))))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(self)
    }
}

impl miette::SourceCode for Finding {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let inner = self.source.text.as_ref().read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.source.name.to_string(),
            inner.data(),
            *inner.span(),
            inner.line(),
            inner.column(),
            inner.line_count(),
        )))
    }
}

/// All findings of one or more files, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// No findings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Findings) {
        self.0.extend(other.0);
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them forbids the run.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// `Ok` with the warnings, or `Err` with everything when one is an error.
    ///
    /// # Errors
    /// These findings, when one of them forbids the run.
    pub fn into_result(self) -> Result<Findings, Findings> {
        if self.has_errors() { Err(self) } else { Ok(self) }
    }

    /// The findings as a person reads them, each with its line underlined.
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour {
            miette::GraphicalTheme::unicode()
        } else {
            miette::GraphicalTheme::unicode_nocolor()
        };
        let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
        let mut text = String::new();
        for finding in &self.0 {
            handler.render_report(&mut text, finding).expect("writing to a string cannot fail");
        }
        text
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        Self(findings.into_iter().collect())
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Findings {}

/// The word of `known` that `word` was probably meant to be, if any is near enough to be worth saying.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (length, allowed) = (word.chars().count(), |candidate: &str| candidate.chars().count().max(3) / 3);
    known
        .into_iter()
        // Words whose lengths differ by more cannot be near; and the distance of a huge word costs much memory.
        .filter(|candidate| length.abs_diff(candidate.chars().count()) <= allowed(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A help line for an unknown `word`: the nearest of `known` if there is one, else the whole list.
pub fn did_you_mean(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("write `{near}`"),
        None => format!("one of: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_file_line_wrong_text_and_remedy() {
        let source = Source::new("a.toml", "first = 1\nsecnd = 2\n");
        let finding = Finding::error(&source, 10..15, "unknown key `secnd`").help("write `second`");
        assert_eq!(finding.line(), 2);
        let text = Findings::from_iter([finding]).render(false);
        for part in ["a.toml:2:1", "secnd", "unknown key", "write `second`"] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_span_past_the_end_is_cut_to_the_text() {
        let source = Source::new("a", "ab");
        assert_eq!(Finding::error(&source, 7..9, "x").span, 2..2);
    }

    #[test]
    fn nearest_knows_a_typing_error_from_another_word() {
        assert_eq!(nearest("partiton", ["partition", "power-off"]), Some("partition"));
        assert_eq!(nearest("zebra", ["partition", "power-off"]), None);
    }
}
