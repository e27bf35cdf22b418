//! Directives and blocks of an `nginx.conf`, before anybody asks what they mean.

use std::ops::Range;

use harness::finding::{Finding, Findings, Source};

use super::lexer::{self, Token, Word};

/// Blocks that mean something to the model are nested four deep; this is room for mistakes.
const DEPTH_MAX: usize = 16;

/// A directive: its name, its arguments and, if it has one, its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) name: Word,
    pub(super) args: Vec<Word>,
    pub(super) block: Option<Vec<Directive>>,
}

impl Directive {
    /// From the name to the last argument.
    pub(super) fn span(&self) -> Range<usize> {
        self.name.span.start..self.args.last().map_or(self.name.span.end, |last| last.span.end)
    }

    /// The only argument of a directive that was checked to have one.
    pub(super) fn arg(&self) -> &Word {
        &self.args[0]
    }
}

/// The directives of a file; what nginx would not read is pushed to `findings`.
pub(super) fn read(source: &Source, findings: &mut Findings) -> Vec<Directive> {
    let mut builder = Builder { source, findings, open: Vec::new(), done: Vec::new(), words: Vec::new() };
    for token in lexer::tokens(source, builder.findings) {
        if builder.open.len() > DEPTH_MAX {
            let brace = builder.open.last().map_or(0, |(_, brace, _)| *brace);
            builder.unexpected(brace, "{", "blocks are nested too deep");
            return Vec::new();
        }
        builder.take(token);
    }
    builder.finish()
}

struct Builder<'a> {
    source: &'a Source,
    findings: &'a mut Findings,
    /// Open blocks: the directive that opened it, the place of its brace, the directives before it.
    open: Vec<(Directive, usize, Vec<Directive>)>,
    /// Finished directives of the innermost block.
    done: Vec<Directive>,
    /// Words of the directive that is being read.
    words: Vec<Word>,
}

impl Builder<'_> {
    fn unexpected(&mut self, at: usize, what: &str, help: &str) {
        let span = at..at + what.len();
        self.findings.push(Finding::error(self.source, span, format!("unexpected \"{what}\"")).help(help));
    }

    /// The directive whose words were read; none when there are none.
    fn directive(&mut self) -> Option<Directive> {
        let mut words = std::mem::take(&mut self.words).into_iter();
        let name = words.next()?;
        Some(Directive { name, args: words.collect(), block: None })
    }

    fn take(&mut self, token: Token) {
        match token {
            Token::Word(word) => self.words.push(word),
            Token::Semicolon(at) => match self.directive() {
                Some(directive) => self.done.push(directive),
                None => self.unexpected(at, ";", "remove it"),
            },
            Token::Open(at) => {
                let directive = self.directive().unwrap_or_else(|| {
                    self.unexpected(at, "{", "a block begins with a name");
                    Directive {
                        name: Word { text: String::new(), span: at..at },
                        args: Vec::new(),
                        block: None,
                    }
                });
                self.open.push((directive, at, std::mem::take(&mut self.done)));
            }
            Token::Close(at) => {
                if let Some(unfinished) = self.directive() {
                    self.unexpected(at, "}", "the directive before it does not end in `;`");
                    // One mistake, one finding: the directive is taken for finished.
                    self.done.push(unfinished);
                }
                match self.open.pop() {
                    Some((mut directive, _, before)) => {
                        directive.block = Some(std::mem::replace(&mut self.done, before));
                        // A nameless block was reported; nothing in it could be understood.
                        if !directive.name.text.is_empty() || !directive.name.span.is_empty() {
                            self.done.push(directive);
                        }
                    }
                    None => self.unexpected(at, "}", "no block is open here"),
                }
            }
        }
    }

    fn finish(mut self) -> Vec<Directive> {
        if let Some(unfinished) = self.directive() {
            let message = "unexpected end of file, expecting \";\" or \"}\"";
            self.findings
                .push(Finding::error(self.source, unfinished.span(), message).help("end it with `;`"));
        }
        while let Some((mut directive, brace, before)) = self.open.pop() {
            let message = "unexpected end of file, expecting \"}\"";
            let finding = Finding::error(self.source, brace..brace + 1, message);
            self.findings.push(finding.help("this block is not closed"));
            directive.block = Some(std::mem::replace(&mut self.done, before));
            self.done.push(directive);
        }
        self.done
    }
}
