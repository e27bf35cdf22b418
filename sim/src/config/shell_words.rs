//! A command line split into words as a POSIX shell does it, with the place of every word.
//!
//! Only what stands in start commands and rsync command lines is understood: quotes, backslashes, comments,
//! `$name`, and operators as separate tokens. What would need a running shell (`$(...)`, backquotes, patterns,
//! `~`) is an error, never guessed.

use std::ops::Range;

/// A token of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word.
    Word(ShellWord),
    /// `;`, `&`, `|`, `&&`, `||`, `(`, `)`, `<`, `>`, `>>`, or a line break, which is `;` too.
    Operator(&'static str, Range<usize>),
}

/// A word, still with its variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellWord {
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// Its text, quotes removed.
    pub(super) parts: Vec<ShellPart>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ShellPart {
    /// Literal text.
    Text(String),
    /// `$name`, `${name}` or `$1`.
    Variable {
        /// Its name.
        name: String,
        /// Where it stands.
        span: Range<usize>,
    },
}

/// Why a command line cannot be split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SplitError {
    /// Where.
    pub(super) span: Range<usize>,
    /// What is wrong.
    pub(super) message: &'static str,
}

impl ShellWord {
    /// The text of a word without variables.
    pub(super) fn literal(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                ShellPart::Text(literal) => text.push_str(literal),
                ShellPart::Variable { .. } => return None,
            }
        }
        Some(text)
    }
}

/// The tokens of a command line; spans count from the beginning of `text`.
///
/// # Errors
/// The first thing that only a running shell could tell.
pub(super) fn split(text: &str) -> Result<Vec<Token>, SplitError> {
    let mut splitter = Splitter { text, at: 0, tokens: Vec::new(), word: None };
    while let Some(c) = splitter.peek() {
        splitter.step(c)?;
    }
    splitter.end_word();
    Ok(splitter.tokens)
}

struct Splitter<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    /// The word that is being read: where it began, and its parts.
    word: Option<(usize, Vec<ShellPart>)>,
}

const OPERATORS: [&str; 11] = ["&&", "||", ">>", "\n", ";", "&", "|", "(", ")", "<", ">"];

impl Splitter<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn error<T>(&self, start: usize, message: &'static str) -> Result<T, SplitError> {
        let end =
            self.text[start..].char_indices().nth(1).map_or(self.text.len(), |(index, _)| start + index);
        Err(SplitError { span: start..end, message })
    }

    fn step(&mut self, c: char) -> Result<(), SplitError> {
        let start = self.at;
        if let Some(operator) = OPERATORS.iter().find(|operator| self.text[start..].starts_with(**operator)) {
            self.end_word();
            self.at += operator.len();
            self.tokens.push(Token::Operator(operator, start..self.at));
            return Ok(());
        }
        match c {
            ' ' | '\t' | '\r' => {
                self.end_word();
                self.at += 1;
            }
            '#' if self.word.is_none() => {
                self.at += self.text[start..].find('\n').unwrap_or(self.text.len() - start);
            }
            '~' if self.word.is_none() => {
                return self.error(start, "`~` is not expanded here: write the folder itself");
            }
            '*' | '?' | '[' => {
                return self.error(start, "a pattern outside quotes: write the names themselves");
            }
            '`' => return self.error(start, "a command inside a command is not modelled"),
            '\'' => {
                let Some(length) = self.text[start + 1..].find('\'') else {
                    return self.error(start, "this quote is not closed");
                };
                self.push_text(start, start + 1..start + 1 + length);
                self.at = start + length + 2;
            }
            '"' => self.double_quoted(start)?,
            '\\' => self.escape(start),
            '$' => self.variable(start)?,
            _ => {
                self.at += c.len_utf8();
                self.push_text(start, start..self.at);
            }
        }
        Ok(())
    }

    fn escape(&mut self, start: usize) {
        let rest = &self.text[start + 1..];
        match rest.chars().next() {
            // A backslash at the end of a line joins it with the next one.
            Some('\n') => self.at = start + 2,
            Some(c) => {
                self.at = start + 1 + c.len_utf8();
                self.push_text(start, start + 1..self.at);
            }
            None => {
                self.at = start + 1;
                self.push_text(start, start..self.at);
            }
        }
    }

    fn double_quoted(&mut self, start: usize) -> Result<(), SplitError> {
        self.at = start + 1;
        self.push_text(start, self.at..self.at);
        loop {
            let Some(c) = self.peek() else { return self.error(start, "this quote is not closed") };
            let here = self.at;
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '`' => return self.error(here, "a command inside a command is not modelled"),
                '$' => self.variable(here)?,
                '\\' if self.text[here + 1..].starts_with(['"', '\\', '$', '`', '\n']) => self.escape(here),
                _ => {
                    self.at += c.len_utf8();
                    self.push_text(start, here..self.at);
                }
            }
        }
    }

    fn variable(&mut self, start: usize) -> Result<(), SplitError> {
        let rest = &self.text[start + 1..];
        let letters =
            |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, length) = match rest.chars().next() {
            Some('{') => {
                let name = &rest[1..1 + letters(&rest[1..])];
                if name.is_empty() || !rest[1 + name.len()..].starts_with('}') {
                    return self.error(start, "only `${name}` is understood");
                }
                (name, name.len() + 3)
            }
            Some('(') => return self.error(start, "a command inside a command is not modelled"),
            Some(c) if c.is_ascii_digit() => (&rest[..1], 2),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => (&rest[..letters(rest)], 1 + letters(rest)),
            Some('@' | '*' | '#' | '?' | '$' | '!' | '-') => {
                return self.error(start, "a special parameter of the shell is not modelled");
            }
            _ => {
                // A dollar sign that begins nothing stands for itself.
                self.at = start + 1;
                self.push_text(start, start..self.at);
                return Ok(());
            }
        };
        let part = ShellPart::Variable { name: name.to_owned(), span: start..start + length };
        self.word.get_or_insert((start, Vec::new())).1.push(part);
        self.at = start + length;
        Ok(())
    }

    /// Adds literal text to the word, which began at `start` if it begins here.
    fn push_text(&mut self, start: usize, text: Range<usize>) {
        let parts = &mut self.word.get_or_insert((start, Vec::new())).1;
        let text = &self.text[text];
        match parts.last_mut() {
            Some(ShellPart::Text(last)) => last.push_str(text),
            _ => parts.push(ShellPart::Text(text.to_owned())),
        }
    }

    fn end_word(&mut self) {
        if let Some((start, parts)) = self.word.take() {
            self.tokens.push(Token::Word(ShellWord { span: start..self.at, parts }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let word = |token| match token {
            Token::Word(word) => word.literal().unwrap(),
            Token::Operator(operator, _) => panic!("operator {operator}"),
        };
        split(text).unwrap().into_iter().map(word).collect()
    }

    #[test]
    fn quotes_and_backslashes_are_removed_as_a_shell_does() {
        assert_eq!(
            words(r#"rsync -e "ssh -i 'k'" a\ b 'c d'e "" # x"#),
            ["rsync", "-e", "ssh -i 'k'", "a b", "c de", ""]
        );
        assert_eq!(words("a \\\n b"), ["a", "b"]);
        assert_eq!(words(r#""a\"b\c" $"#), [r#"a"b\c"#, "$"]);
    }

    #[test]
    fn variables_keep_their_place() {
        let tokens = split(r#"x"${worker}y"$1"#).unwrap();
        let Token::Word(word) = &tokens[0] else { panic!("{tokens:?}") };
        assert_eq!(word.span, 0..15);
        assert_eq!(word.parts.len(), 4);
        assert_eq!(word.parts[1], ShellPart::Variable { name: "worker".to_owned(), span: 2..11 });
    }

    #[test]
    fn what_needs_a_running_shell_is_refused_where_it_stands() {
        for (text, at) in
            [("a $(b)", 2), ("a `b`", 2), ("a ~/b", 2), ("a *", 2), ("'a", 0), ("a \"$", 2), ("${a-b}", 0)]
        {
            assert_eq!(split(text).unwrap_err().span.start, at, "{text}");
        }
    }

    #[test]
    fn operators_stand_alone() {
        let tokens = split("a>>b 2>&1;c").unwrap();
        let operators: Vec<_> = tokens
            .iter()
            .filter_map(|token| match token {
                Token::Operator(operator, _) => Some(*operator),
                Token::Word(_) => None,
            })
            .collect();
        assert_eq!(operators, [">>", ">", "&", ";"]);
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in "\\PC*|[ a'\"\\\\$({}~\n;>*]*") {
            if let Err(error) = split(&text) {
                prop_assert!(text.get(error.span).is_some());
            }
        }

        /// But for a line break after a backslash, which that crate takes for an empty word.
        #[test]
        fn words_are_those_of_the_shlex_crate(text in "[ ab'\"\\\\\n\tü=/.-]{0,20}") {
            prop_assume!(!text.contains("\\\n"));
            if let (Ok(tokens), Some(expected)) = (split(&text), shlex::split(&text)) {
                let words: Vec<_> = tokens.iter().filter_map(|token| match token {
                    Token::Word(word) => word.literal(),
                    Token::Operator(..) => None,
                }).collect();
                prop_assert_eq!(words, expected);
            }
        }
    }
}
