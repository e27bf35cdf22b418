//! What nginx allows its clients, which each level inherits from the one around it.

use std::time::Duration;

use super::reader::Reader;
use super::tree::Directive;
use super::values;
use super::{ClientSettings, KeepAlive};

impl KeepAlive {
    /// nginx's defaults beside the idle time, which differs between clients and upstream servers.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { requests: 1000, time: Duration::from_secs(3600), timeout }
    }

    /// Takes one of the three directives; nothing happens with another one.
    pub(super) fn set(&mut self, reader: &mut Reader<'_>, directive: &Directive) {
        let Some(word) = directive.args.first() else { return };
        match directive.name.text.as_str() {
            "keepalive_requests" => reader.set(word, values::number(&word.text), &mut self.requests),
            "keepalive_time" => reader.set(word, values::time(&word.text, true), &mut self.time),
            "keepalive_timeout" => {
                reader.set(word, values::time(&word.text, true), &mut self.timeout);
                // The second value only is told to the client.
                if let Some(told) = directive.args.get(1) {
                    reader.value(told, values::time(&told.text, false));
                }
            }
            _ => {}
        }
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            header_timeout: minute,
            body_timeout: minute,
            body_bytes_max: Some(1024 * 1024),
            keepalive: KeepAlive::new(Duration::from_secs(75)),
        }
    }
}

impl ClientSettings {
    /// The settings of a block inside the one that these belong to.
    pub(super) fn within(mut self, reader: &mut Reader<'_>, directives: &[&Directive]) -> Self {
        for directive in directives {
            self.keepalive.set(reader, directive);
            let Some(word) = directive.args.first() else { continue };
            match directive.name.text.as_str() {
                "client_header_timeout" => {
                    reader.set(word, values::time(&word.text, true), &mut self.header_timeout);
                }
                "client_body_timeout" => {
                    reader.set(word, values::time(&word.text, true), &mut self.body_timeout);
                }
                "client_max_body_size" => {
                    let size = values::size(&word.text).map(|bytes| (bytes > 0).then_some(bytes));
                    reader.set(word, size, &mut self.body_bytes_max);
                }
                _ => {}
            }
        }
        self
    }
}
