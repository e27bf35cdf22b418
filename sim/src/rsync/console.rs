//! What is printed: at the client at once, at the server as messages to the client.

use std::cell::{Cell, RefCell};

use bytes::Bytes;

use super::file_list::Entry;
use super::itemize::{Changes, Style, letters};
use super::options::Output;
use super::outcome::{Line, Stream};
use super::wire::Message;

/// Where the words of one process go.
#[derive(Debug)]
pub(super) struct Console {
    is_client: bool,
    output: Output,
    style: Style,
    lines: RefCell<Vec<Line>>,
    queued: RefCell<Vec<Message>>,
    partial: Cell<bool>,
    relayed: Cell<bool>,
}

impl Console {
    pub fn new(is_client: bool, output: Output, style: Style) -> Self {
        Self {
            is_client,
            output,
            style,
            lines: RefCell::default(),
            queued: RefCell::default(),
            partial: Cell::new(false),
            relayed: Cell::new(false),
        }
    }

    /// Whether this process prints itself.
    pub fn is_client(&self) -> bool {
        self.is_client
    }

    /// A line for standard output; `-q` swallows it.
    pub fn info(&self, text: impl Into<Vec<u8>>) {
        if !self.output.quiet {
            self.say(false, false, text.into());
        }
    }

    /// A line for standard error that tells of trouble but not of something left undone.
    pub fn warning(&self, text: impl Into<Vec<u8>>) {
        self.say(true, false, text.into());
    }

    /// A line for standard error, after which the run ends with 23 at best.
    pub fn error(&self, text: impl Into<Vec<u8>>) {
        self.partial.set(true);
        self.say(true, true, text.into());
    }

    /// Whether an error was printed.
    pub fn had_error(&self) -> bool {
        self.partial.get()
    }

    /// Whether one of the other half was.
    pub fn relayed_error(&self) -> bool {
        self.relayed.get()
    }

    /// Prints what the other half sent here to be printed.
    pub fn relay(&self, error: bool, partial: bool, text: &Bytes) {
        if partial {
            self.partial.set(true);
            self.relayed.set(true);
        }
        self.say(error, partial, text.to_vec());
    }

    /// Tells of a deleted entry.
    pub fn deleted(&self, name: &Bytes, folder: bool) {
        if !self.is_client {
            self.queued.borrow_mut().push(Message::Deleted { folder, name: name.clone() });
            return;
        }
        if self.output.itemize == 0 && self.output.verbose == 0 {
            return;
        }
        let mut line = if self.output.itemize > 0 { b"*deleting   ".to_vec() } else { b"deleting ".to_vec() };
        line.extend_from_slice(name);
        if folder {
            line.push(b'/');
        }
        self.info(line);
    }

    /// Tells of an entry that changed; `note` is what follows the name (` -> target`). Only at the client.
    pub fn item(&self, entry: &Entry, changes: Changes, note: &[u8], prefix: &[u8]) {
        let Output { verbose, itemize, .. } = self.output;
        let significant = changes.is_significant();
        let shown = if changes.has(Changes::TRANSFER) {
            itemize > 0 || verbose > 0
        } else {
            let seen = itemize > 0 && (significant || itemize > 1 || verbose > 1 || !note.is_empty());
            let here = changes.has(Changes::LOCAL) && significant;
            let folder = entry.is_folder() && significant;
            seen || ((here || folder) && (itemize > 0 || verbose > 0))
        };
        if !shown {
            return;
        }
        let mut line = Vec::new();
        if itemize > 0 {
            line.extend_from_slice(&letters(changes, entry.kind, self.style));
            line.push(b' ');
        }
        line.extend_from_slice(prefix);
        line.extend_from_slice(&entry.name);
        if entry.is_folder() {
            line.push(b'/');
        }
        if !entry.target.is_empty() {
            line.extend_from_slice(b" -> ");
            line.extend_from_slice(&entry.target);
        }
        line.extend_from_slice(note);
        self.info(line);
    }

    /// What has been printed.
    pub fn take_lines(&self) -> Vec<Line> {
        self.lines.take()
    }

    /// What must be sent to the client to be printed.
    pub fn take_queued(&self) -> Vec<Message> {
        self.queued.take()
    }

    fn say(&self, error: bool, partial: bool, text: Vec<u8>) {
        if self.is_client {
            let stream = if error { Stream::Err } else { Stream::Out };
            self.lines.borrow_mut().push(Line { stream, text: escaped(&text) });
        } else {
            self.queued.borrow_mut().push(Message::Line { error, partial, text: Bytes::from(text) });
        }
    }
}

/// A line as rsync prints it in the C locale (cron's): what cannot be printed as `\#ooo`, and a backslash that
/// would look like that.
pub(super) fn escaped(text: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(text.len());
    for (at, &byte) in text.iter().enumerate() {
        let looks_escaped = byte == b'\\'
            && text.get(at + 1) == Some(&b'#')
            && text.get(at + 2..at + 5).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
        if looks_escaped || (byte < b' ' && byte != b'\t') || byte >= 0x7f {
            shown.extend_from_slice(format!("\\#{byte:03o}").as_bytes());
        } else {
            shown.push(byte);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_printed_is_escaped_as_rsync_does() {
        assert_eq!(escaped("né\n\t\u{1}\\#123".as_bytes()), b"n\\#303\\#251\\#012\t\\#001\\#134#123");
        assert_eq!(escaped(b"a\\b#c\\#12x"), b"a\\b#c\\#12x");
    }
}
