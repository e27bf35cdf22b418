//! As much XML as artifacts are made of: elements, attributes, comments, references.
//!
//! It is strict where it matters here: a text that ends too early is an error, so that half a file is never taken
//! for a whole one. Text between elements is checked and dropped. No document types, no namespaces resolved.

use std::borrow::Cow;

/// Deeper documents are refused: nothing that a gateway writes is.
const DEPTH_MAX: usize = 64;

/// An element with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// Its name, without a prefix.
    pub(super) name: &'a str,
    /// Its attributes, in order.
    pub(super) attributes: Vec<(&'a str, Cow<'a, str>)>,
    /// The elements in it, in order.
    pub(super) children: Vec<Element<'a>>,
}

/// Why a text is not XML, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line}")]
pub(super) struct XmlError {
    what: &'static str,
    line: usize,
}

impl<'t> Element<'t> {
    /// An attribute's value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// The first element of this name, this one or one anywhere below it, in the order of the text.
    pub(super) fn find(&self, name: &str) -> Option<&Element<'t>> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    /// Every element of this name below this one.
    pub(super) fn below<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = &'a Element<'t>> + 'a> {
        Box::new(self.children.iter().flat_map(move |child| {
            (child.name == name).then_some(child).into_iter().chain(child.below(name))
        }))
    }
}

/// The document's only element.
///
/// # Errors
/// When the text is not well-formed, or deeper than 64 elements.
pub(super) fn parse(text: &str) -> Result<Element<'_>, XmlError> {
    let mut reader = Reader { text, at: 0 };
    let mut open: Vec<Element<'_>> = Vec::new();
    loop {
        let between = reader.until('<');
        if open.is_empty() && between.is_none_or(|text| !text.trim().is_empty()) {
            return Err(reader.error("text where an element is expected"));
        }
        let Some(between) = between else { return Err(reader.error("the text ends inside an element")) };
        if unescape(between).is_none() {
            return Err(reader.error("an unknown reference"));
        }
        if reader.skip_aside()? {
            continue;
        }
        let closed = if reader.accept("/") {
            let name = reader.name()?;
            reader.spaces();
            reader.expect(">")?;
            match open.pop() {
                Some(element) if element.name == name => Some(element),
                _ => return Err(reader.error("an end tag that closes nothing")),
            }
        } else {
            let (element, empty) = reader.start_tag()?;
            if open.len() >= DEPTH_MAX {
                return Err(reader.error("elements nested too deeply"));
            }
            if empty {
                Some(element)
            } else {
                open.push(element);
                None
            }
        };
        match (closed, open.last_mut()) {
            (Some(element), Some(parent)) => parent.children.push(element),
            (Some(root), None) => {
                reader.end_of_document()?;
                return Ok(root);
            }
            (None, _) => {}
        }
    }
}

/// A text as it may stand in an attribute or between elements.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"')) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"))
}

fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('&') {
        return Some(Cow::Borrowed(text));
    }
    let mut pieces = text.split('&');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (reference, rest) = piece.split_once(';')?;
        plain.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => numbered(reference.strip_prefix('#')?)?,
        });
        plain.push_str(rest);
    }
    Some(Cow::Owned(plain))
}

fn numbered(reference: &str) -> Option<char> {
    let code = match reference.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => reference.parse().ok()?,
    };
    char::from_u32(code)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, what: &'static str) -> XmlError {
        XmlError { what, line: 1 + self.text[..self.at].matches('\n').count() }
    }

    fn accept(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    fn expect(&mut self, token: &str) -> Result<(), XmlError> {
        if self.accept(token) { Ok(()) } else { Err(self.error("a tag that is not finished")) }
    }

    fn spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// The text up to `token`, which is passed; nothing when there is none.
    fn until_text(&mut self, token: &str) -> Option<&'a str> {
        let (before, _) = self.rest().split_once(token)?;
        self.at += before.len() + token.len();
        Some(before)
    }

    /// The text up to a character, which is passed: far quicker than to look for a text.
    fn until(&mut self, token: char) -> Option<&'a str> {
        let (before, _) = self.rest().split_once(token)?;
        self.at += before.len() + token.len_utf8();
        Some(before)
    }

    fn name(&mut self) -> Result<&'a str, XmlError> {
        let rest = self.rest();
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let whole = &rest[..length];
        if !whole.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err(self.error("a name is expected"));
        }
        self.at += length;
        Ok(whole.rsplit(':').next().unwrap_or(whole))
    }

    /// Passes what stands after a `<` and is no element. Whether there was such.
    fn skip_aside(&mut self) -> Result<bool, XmlError> {
        let end = match self.rest() {
            rest if rest.starts_with("!--") => "-->",
            rest if rest.starts_with("![CDATA[") => "]]>",
            rest if rest.starts_with('?') => "?>",
            rest if rest.starts_with('!') => return Err(self.error("a document type, which is not accepted")),
            _ => return Ok(false),
        };
        match self.until_text(end) {
            Some(_) => Ok(true),
            None => Err(self.error("the text ends inside a comment")),
        }
    }

    /// A start tag after its `<`, and whether it is an end tag too.
    fn start_tag(&mut self) -> Result<(Element<'a>, bool), XmlError> {
        let mut element = Element { name: self.name()?, attributes: Vec::new(), children: Vec::new() };
        loop {
            let before = self.at;
            self.spaces();
            if self.accept("/>") {
                return Ok((element, true));
            }
            if self.accept(">") {
                return Ok((element, false));
            }
            if self.at == before {
                return Err(self.error("a tag that is not finished"));
            }
            let name = self.name()?;
            self.spaces();
            self.expect("=")?;
            self.spaces();
            let quote = if self.accept("\"") {
                '"'
            } else {
                self.expect("'")?;
                '\''
            };
            let value = self.until(quote).filter(|value| !value.contains('<')).and_then(unescape);
            let Some(value) = value else { return Err(self.error("an attribute that is not finished")) };
            if element.attribute(name).is_some() {
                return Err(self.error("an attribute that stands twice"));
            }
            element.attributes.push((name, value));
        }
    }

    fn end_of_document(&mut self) -> Result<(), XmlError> {
        loop {
            self.spaces();
            if self.rest().is_empty() {
                return Ok(());
            }
            if !self.accept("<") || !self.skip_aside()? {
                return Err(self.error("something after the document's element"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOCUMENT: &str = "<?xml version=\"1.0\"?>\n<!-- by hand -->\n<s:api xmlns:s='urn:x' name=\"a&amp;b\">\n  \
                            <in><log/>text &lt;&#65;</in><![CDATA[<no>]]>\n</s:api>\n";

    #[test]
    fn elements_and_attributes_are_read() {
        let api = parse(DOCUMENT).unwrap();
        assert_eq!((api.name, api.attribute("name")), ("api", Some("a&b")));
        assert_eq!(api.children.len(), 1);
        assert!(api.find("log").is_some() && api.below("log").count() == 1);
    }

    #[test]
    fn every_beginning_of_a_document_is_refused() {
        let end = DOCUMENT.trim_end().len();
        for length in 0..end {
            if DOCUMENT.is_char_boundary(length) {
                assert!(parse(&DOCUMENT[..length]).is_err(), "{:?}", &DOCUMENT[..length]);
            }
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_its_line() {
        for text in [
            "<a><b></a></b>",
            "<a/><b/>",
            "<a x=1/>",
            "<a>&no;</a>",
            "<!DOCTYPE a><a/>",
            "x",
            "<a x='1'y='2'/>",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("<a>\n</b>").unwrap_err().to_string(), "an end tag that closes nothing at line 2");
        assert!(parse(&"<a>".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<|>|/|a|b|=|\"|'|&|;|#|!|-|\\?|\\[|\\]| |\n|é){0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_escaped_is_read_back(value in "\\PC{0,40}") {
            let text = format!("<a v=\"{}\"/>", escape(&value));
            let element = parse(&text).unwrap();
            prop_assert_eq!(element.attribute("v"), Some(value.as_str()));
        }
    }
}
