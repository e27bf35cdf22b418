//! `proxy_pass` and the settings that hold for it, which each level inherits from the one around it.

use std::time::Duration;

use super::lexer::Word;
use super::reader::Reader;
use super::tree::Directive;
use super::upstream;
use super::values;
use super::{NextUpstream, Part, Proxy, Template, Upstream, Variable};

/// What a level sets of [`Proxy`].
#[derive(Debug, Clone)]
pub(super) struct Settings {
    headers: Vec<(String, Template)>,
    http_1_1: bool,
    connect_timeout: Duration,
    send_timeout: Duration,
    read_timeout: Duration,
    next_upstream: NextUpstream,
    next_upstream_tries: u32,
    next_upstream_timeout: Duration,
    buffering: bool,
    request_buffering: bool,
    ignore_client_abort: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            headers: Vec::new(),
            http_1_1: false,
            connect_timeout: minute,
            send_timeout: minute,
            read_timeout: minute,
            next_upstream: NextUpstream::default(),
            next_upstream_tries: 0,
            next_upstream_timeout: Duration::ZERO,
            buffering: true,
            request_buffering: true,
            ignore_client_abort: false,
        }
    }
}

impl Settings {
    /// The settings of a block inside the one that these belong to. Headers are inherited only by a block
    /// that sets none.
    pub(super) fn within(&self, reader: &mut Reader<'_>, directives: &[&Directive]) -> Self {
        let mut settings = self.clone();
        let mut headers = Vec::new();
        let mut next_upstream: Option<NextUpstream> = None;
        for directive in directives {
            let Some(word) = directive.args.first() else { continue };
            match directive.name.text.as_str() {
                "proxy_set_header" => headers.extend(read_header(reader, directive)),
                "proxy_http_version" => match word.text.as_str() {
                    "1.0" => settings.http_1_1 = false,
                    "1.1" => settings.http_1_1 = true,
                    other => {
                        reader.error_with_help(word, format!("invalid value \"{other}\""), "`1.0` or `1.1`");
                    }
                },
                "proxy_connect_timeout" => set_time(reader, word, &mut settings.connect_timeout),
                "proxy_send_timeout" => set_time(reader, word, &mut settings.send_timeout),
                "proxy_read_timeout" => set_time(reader, word, &mut settings.read_timeout),
                "proxy_next_upstream_timeout" => set_time(reader, word, &mut settings.next_upstream_timeout),
                "proxy_next_upstream_tries" => {
                    if let Some(tries) = reader.value(word, values::number(&word.text)) {
                        settings.next_upstream_tries = tries;
                    }
                }
                "proxy_buffering" => set_flag(reader, word, &mut settings.buffering),
                "proxy_request_buffering" => set_flag(reader, word, &mut settings.request_buffering),
                "proxy_ignore_client_abort" => set_flag(reader, word, &mut settings.ignore_client_abort),
                "proxy_next_upstream" => read_next_upstream(reader, directive, &mut next_upstream),
                _ => {}
            }
        }
        if !headers.is_empty() {
            settings.headers = headers;
        }
        if let Some(next_upstream) = next_upstream {
            settings.next_upstream = next_upstream;
        }
        settings
    }
}

fn set_time(reader: &mut Reader<'_>, word: &Word, setting: &mut Duration) {
    if let Some(time) = reader.value(word, values::time(&word.text, true)) {
        *setting = time;
    }
}

fn set_flag(reader: &mut Reader<'_>, word: &Word, setting: &mut bool) {
    if let Some(flag) = reader.value(word, values::flag(&word.text)) {
        *setting = flag;
    }
}

fn read_header(reader: &mut Reader<'_>, directive: &Directive) -> Option<(String, Template)> {
    let [name, value] = directive.args.as_slice() else { return None };
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.text.is_empty() || !name.text.chars().all(token) {
        reader.error(name, format!("`{}` cannot be the name of a header", name.text));
        return None;
    }
    if value.text.contains(['\r', '\n', '\0']) {
        reader.error(value, "a header cannot have more than one line");
        return None;
    }
    Some((name.text.clone(), reader.value(value, values::template(&value.text, None))?))
}

const STATUSES: [u16; 7] = [500, 502, 503, 504, 403, 404, 429];

fn read_next_upstream(reader: &mut Reader<'_>, directive: &Directive, found: &mut Option<NextUpstream>) {
    let none = NextUpstream {
        error: false,
        timeout: false,
        invalid_header: false,
        non_idempotent: false,
        statuses: Vec::new(),
    };
    let next = found.get_or_insert(none);
    for word in &directive.args {
        let status = word.text.strip_prefix("http_").and_then(|status| status.parse().ok());
        match (word.text.as_str(), status.filter(|status| STATUSES.contains(status))) {
            (_, Some(status)) => next.statuses.push(status),
            ("error", _) => next.error = true,
            ("timeout", _) => next.timeout = true,
            ("invalid_header", _) => next.invalid_header = true,
            ("non_idempotent", _) => next.non_idempotent = true,
            // `updating` is about caches; `off` beside others does nothing.
            ("off" | "updating", _) => {}
            (other, None) => {
                let help = "error, timeout, invalid_header, http_500, http_502, http_503, http_504, http_403, \
                            http_404, http_429, non_idempotent, off";
                reader.error_with_help(word, format!("invalid value \"{other}\""), help);
            }
        }
    }
}

/// Reads `proxy_pass URL` with the settings that hold for it.
pub(super) fn read_pass(
    reader: &mut Reader<'_>,
    word: &Word,
    settings: &Settings,
    upstreams: &mut Vec<Upstream>,
) -> Option<Proxy> {
    if word.text.contains('$') {
        let help = "write the name of an upstream, or an address";
        reader.error_with_help(word, "a variable in `proxy_pass` is not modelled", help);
        return None;
    }
    let lower = word.text.to_ascii_lowercase();
    let (tls, scheme, default_port) = match lower.as_str() {
        text if text.starts_with("https://") => (true, "https://", 443),
        text if text.starts_with("http://") => (false, "http://", 80),
        _ => {
            reader.error_with_help(
                word,
                "invalid URL prefix",
                "write `https://` and the name of an upstream",
            );
            return None;
        }
    };
    let rest = &word.text[scheme.len()..];
    let (host, path) = match rest.find(['/', '?']) {
        Some(slash) => (&rest[..slash], Some(&rest[slash..])),
        None => (rest, None),
    };
    let upstream = upstream::of_proxy_pass(reader, word, host, default_port, upstreams)?;
    let path = path.map(|path| if path.starts_with('/') { path.to_owned() } else { format!("/{path}") });
    Some(Proxy {
        upstream,
        tls,
        host: host.to_owned(),
        path,
        headers: with_defaults(&settings.headers),
        http_1_1: settings.http_1_1,
        connect_timeout: settings.connect_timeout,
        send_timeout: settings.send_timeout,
        read_timeout: settings.read_timeout,
        next_upstream: settings.next_upstream.clone(),
        next_upstream_tries: settings.next_upstream_tries,
        next_upstream_timeout: settings.next_upstream_timeout,
        buffering: settings.buffering,
        request_buffering: settings.request_buffering,
        ignore_client_abort: settings.ignore_client_abort,
    })
}

/// nginx sends `Host: $proxy_host` and `Connection: close` unless they are set.
fn with_defaults(headers: &[(String, Template)]) -> Vec<(String, Template)> {
    let defaults =
        [("Host", Part::Variable(Variable::ProxyHost)), ("Connection", Part::Text("close".to_owned()))];
    let is_set = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let mut all: Vec<(String, Template)> = defaults
        .into_iter()
        .filter(|(name, _)| !is_set(name))
        .map(|(name, part)| (name.to_owned(), Template { parts: vec![part] }))
        .collect();
    all.extend(headers.iter().cloned());
    all
}
