//! The words of an `nginx.conf`, split as nginx splits them.
//!
//! A word ends at a blank, `;` or `{`; quotes and `#` count only where a word begins; `${` opens no block.

use std::ops::Range;

use harness::finding::{Finding, Findings, Source};

/// nginx refuses a longer word.
const WORD_BYTES_MAX: usize = 4095;

/// A word, quotes and backslashes removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Where it stands, with its quotes.
    pub(super) span: Range<usize>,
}

/// A token of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Semicolon(usize),
    Open(usize),
    Close(usize),
}

/// All tokens of a file; what nginx would not read is pushed to `findings`.
pub(super) fn tokens(source: &Source, findings: &mut Findings) -> Vec<Token> {
    let text = &*source.text;
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => at += 1,
            '#' => at += text[at..].find('\n').unwrap_or(text.len() - at),
            ';' | '{' | '}' => {
                tokens.push(match c {
                    ';' => Token::Semicolon(at),
                    '{' => Token::Open(at),
                    _ => Token::Close(at),
                });
                at += 1;
            }
            '"' | '\'' => {
                let end = quoted_end(text, at, c);
                let Some(end) = end else {
                    findings.push(Finding::error(source, at..at + 1, "this quote is not closed"));
                    return tokens;
                };
                push_word(source, at..end, at + 1..end - 1, &mut tokens, findings);
                at = end;
                let next = text[at..].chars().next();
                if let Some(next) = next.filter(|next| !" \t\r\n;{)".contains(*next)) {
                    let message = format!("unexpected \"{next}\"");
                    let span = at..at + next.len_utf8();
                    findings.push(
                        Finding::error(source, span, message).help("a blank or `;` follows a closing quote"),
                    );
                }
            }
            _ => {
                let end = word_end(text, at);
                push_word(source, at..end, at..end, &mut tokens, findings);
                at = end;
            }
        }
    }
    tokens
}

fn push_word(
    source: &Source,
    span: Range<usize>,
    inner: Range<usize>,
    tokens: &mut Vec<Token>,
    findings: &mut Findings,
) {
    if inner.len() > WORD_BYTES_MAX {
        let message = format!("too long parameter: nginx reads at most {WORD_BYTES_MAX} bytes");
        findings.push(Finding::error(source, span.clone(), message));
    }
    tokens.push(Token::Word(Word { text: unescape(&source.text[inner]), span }));
}

/// Where a quoted word ends, behind its closing quote.
fn quoted_end(text: &str, start: usize, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (index, c) in text[start + 1..].char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return Some(start + 1 + index + 1);
        }
    }
    None
}

fn word_end(text: &str, start: usize) -> usize {
    let (mut escaped, mut dollar) = (false, false);
    for (index, c) in text[start..].char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '{' if dollar => {}
            ' ' | '\t' | '\r' | '\n' | ';' | '{' => return start + index,
            '\\' => escaped = true,
            _ => {}
        }
        dollar = c == '$';
    }
    text.len()
}

/// `\"`, `\'` and `\\` stand for the second character, `\t`, `\r` and `\n` for blanks; others keep both.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let special = match (c, characters.peek()) {
            ('\\', Some(&quote @ ('"' | '\'' | '\\'))) => Some(quote),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('r')) => Some('\r'),
            ('\\', Some('n')) => Some('\n'),
            _ => None,
        };
        if special.is_some() {
            characters.next();
        }
        plain.push(special.unwrap_or(c));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let mut findings = Findings::new();
        let tokens = tokens(&Source::new("nginx.conf", text), &mut findings);
        assert!(findings.is_empty(), "{findings}");
        let show = |token| match token {
            Token::Word(word) => word.text,
            Token::Semicolon(_) => ";".to_owned(),
            Token::Open(_) => "{".to_owned(),
            Token::Close(_) => "}".to_owned(),
        };
        tokens.into_iter().map(show).collect()
    }

    #[test]
    fn words_end_where_nginx_ends_them() {
        assert_eq!(shown("a b;c{d}"), ["a", "b", ";", "c", "{", "d}"]);
        assert_eq!(
            shown("x ${y}z;#c;\n q 'a b;' \"c\\\"d\"{"),
            ["x", "${y}z", ";", "q", "a b;", "c\"d", "{"]
        );
        assert_eq!(shown("a\"b#c a\\ b;"), ["a\"b#c", "a\\ b", ";"]);
    }

    #[test]
    fn an_open_quote_and_a_word_glued_to_a_quote_are_errors() {
        for text in ["a 'b;", "a 'b'c;", "a \"b\\\";"] {
            let mut findings = Findings::new();
            tokens(&Source::new("nginx.conf", text), &mut findings);
            assert!(findings.has_errors(), "{text}");
        }
    }
}
