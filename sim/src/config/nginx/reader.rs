//! Walking an `nginx.conf` from block to block: names, places and numbers of arguments are checked here.

use std::collections::BTreeSet;

use harness::finding::{Finding, Findings, Source};

use super::directives::{self, Contexts, EVENTS, HTTP, Knowledge, MAIN};
use super::lexer::Word;
use super::tree::Directive;
use super::{Around, NginxConfig, server, upstream};

/// Directives that may stand more than once in a block.
const REPEATABLE: [&str; 14] = [
    "server",
    "listen",
    "server_name",
    "location",
    "upstream",
    "rewrite",
    "return",
    "proxy_set_header",
    "include",
    "ssl_certificate",
    "ssl_certificate_key",
    "proxy_next_upstream",
    "zone",
    "ip_hash",
];

/// What is read, what is around it, and what was found.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) around: Option<&'a Around<'a>>,
    pub(super) findings: &'a mut Findings,
}

impl Reader<'_> {
    /// An error about a word.
    pub(super) fn error(&mut self, word: &Word, message: impl Into<String>) {
        self.findings.push(Finding::error(self.source, word.span.clone(), message));
    }

    /// An error about a word, and what to write instead.
    pub(super) fn error_with_help(
        &mut self,
        word: &Word,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.findings.push(Finding::error(self.source, word.span.clone(), message).help(help));
    }

    /// A warning about a word.
    pub(super) fn warning(&mut self, word: &Word, message: impl Into<String>) {
        self.findings.push(Finding::warning(self.source, word.span.clone(), message));
    }

    /// The value of a word, or an error that names it.
    pub(super) fn value<T>(&mut self, word: &Word, value: Result<T, String>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(why) => {
                self.error(word, format!("`{}`: {why}", word.text));
                None
            }
        }
    }

    /// Puts a value into its setting, or reports what is wrong with it.
    pub(super) fn set<T>(&mut self, word: &Word, value: Result<T, String>, setting: &mut T) {
        if let Some(value) = self.value(word, value) {
            *setting = value;
        }
    }

    /// The directives of a block that the model reads; everything else in it is reported or has no effect.
    pub(super) fn modelled<'d>(&mut self, block: &'d [Directive], context: Contexts) -> Vec<&'d Directive> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for directive in block {
            let name = directive.name.text.as_str();
            if !self.is_read(directive, context) {
                continue;
            }
            if !REPEATABLE.contains(&name) && !seen.insert(name) {
                self.error(&directive.name, format!("\"{name}\" directive is duplicate"));
                continue;
            }
            found.push(directive);
        }
        found
    }

    /// Whether the model reads a directive that stands in `context`; reports it if it may not stand so.
    fn is_read(&mut self, directive: &Directive, context: Contexts) -> bool {
        let name = &directive.name;
        let (known, read) = match directives::look_up(&name.text, context) {
            Knowledge::Modelled(known) => (known, true),
            Knowledge::NoEffect(known) => (known, false),
            Knowledge::NotModelled => {
                let help = "nginx knows it; remove it if the question does not depend on it";
                self.error_with_help(name, format!("the directive \"{}\" is not modelled", name.text), help);
                return false;
            }
            Knowledge::Unknown(near) => {
                let help = near.map_or_else(String::new, |near| format!("write `{near}`"));
                self.error_with_help(name, format!("unknown directive \"{}\"", name.text), help);
                return false;
            }
        };
        if known.contexts & context == 0 {
            self.error(name, format!("\"{}\" directive is not allowed here", name.text));
            return false;
        }
        match (known.block, directive.block.is_some()) {
            (true, false) => {
                self.error(name, format!("directive \"{}\" has no opening \"{{\"", name.text));
                return false;
            }
            (false, true) => {
                self.error(name, format!("directive \"{}\" is not terminated by \";\"", name.text));
                return false;
            }
            _ => {}
        }
        let (least, most) = known.args;
        if directive.args.len() < least || directive.args.len() > most {
            let span = directive.span();
            let message = format!("invalid number of arguments in \"{}\" directive", name.text);
            self.findings.push(Finding::error(self.source, span, message));
            return false;
        }
        if name.text == "include" {
            self.include(directive.arg());
            return false;
        }
        read
    }

    /// Only the table of file types is known without reading it.
    fn include(&mut self, path: &Word) {
        if !(path.text == "mime.types" || path.text.ends_with("/mime.types")) {
            let help = "write its directives into this file";
            self.error_with_help(path, "a file that is included is not read", help);
        }
    }
}

/// Reads a whole file from its tree.
pub(super) fn read(reader: &mut Reader<'_>, root: &[Directive]) -> Option<NginxConfig> {
    let mut config = NginxConfig { worker_processes: 1, upstreams: Vec::new(), servers: Vec::new() };
    let (mut events, mut http) = (false, None);
    for directive in reader.modelled(root, MAIN) {
        let block = directive.block.as_deref().unwrap_or_default();
        match directive.name.text.as_str() {
            "worker_processes" => config.worker_processes = worker_processes(reader, directive.arg()),
            "events" => {
                events = true;
                reader.modelled(block, EVENTS);
            }
            "http" => http = Some((&directive.name, block)),
            other => unreachable!("{other} is in the table of the main context"),
        }
    }
    if !events {
        let message = "no \"events\" section in configuration";
        reader.findings.push(Finding::error(reader.source, 0..0, message).help("write `events {}`"));
    }
    let Some((name, block)) = http else {
        reader.findings.push(Finding::error(
            reader.source,
            0..0,
            "no `http` block: nginx would serve nothing",
        ));
        return None;
    };
    let directives = reader.modelled(block, HTTP);
    for directive in directives.iter().filter(|directive| directive.name.text == "upstream") {
        upstream::read(reader, directive, &mut config.upstreams);
    }
    server::read_all(reader, &directives, &mut config);
    if config.servers.is_empty() && !reader.findings.has_errors() {
        reader.error(name, "no `server` block: nginx would serve nothing");
    }
    Some(config)
}

fn worker_processes(reader: &mut Reader<'_>, word: &Word) -> u32 {
    if word.text == "auto" {
        let message = "`auto` is as many as the machine has cores, which the model takes for 1";
        reader.warning(word, message);
        return 1;
    }
    match word.text.parse() {
        Ok(count @ 1..=1024) => count,
        _ => {
            reader.error_with_help(
                word,
                format!("`{}`: invalid value", word.text),
                "a number from 1 to 1024",
            );
            1
        }
    }
}
