//! Server blocks: where they listen, which names they answer for, what they inherit.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::directives::SERVER;
use super::lexer::Word;
use super::location;
use super::proxy::Settings;
use super::reader::Reader;
use super::tree::Directive;
use super::values;
use super::{ClientSettings, Listen, NginxConfig, Server, ServerName};

/// Whether certificate and key are set.
#[derive(Debug, Clone, Copy, Default)]
struct Certificates {
    certificate: bool,
    key: bool,
}

impl Certificates {
    fn take(&mut self, directives: &[&Directive]) {
        let has = |name: &str| directives.iter().any(|directive| directive.name.text == name);
        self.certificate |= has("ssl_certificate");
        self.key |= has("ssl_certificate_key");
    }
}

/// Reads all server blocks of the `http` block, and what they inherit from it.
pub(super) fn read_all(reader: &mut Reader<'_>, http: &[&Directive], config: &mut NginxConfig) {
    let settings = Settings::default().within(reader, http);
    let client = ClientSettings::default().within(reader, http);
    let mut certificates = Certificates::default();
    certificates.take(http);
    let ssl = ssl_on(reader, http);
    let mut defaults = BTreeMap::new();
    let mut names = BTreeMap::new();
    for directive in http.iter().filter(|directive| directive.name.text == "server") {
        let inherited = (&settings, client, certificates, ssl);
        let server = read(reader, directive, inherited, config, &mut defaults);
        warn_of_conflicts(reader, directive, &server, &mut names);
        config.servers.push(server);
    }
}

/// The obsolete `ssl on`, which makes every `listen` of a server speak https.
fn ssl_on(reader: &mut Reader<'_>, directives: &[&Directive]) -> bool {
    let Some(directive) = directives.iter().find(|directive| directive.name.text == "ssl") else {
        return false;
    };
    let word = directive.arg();
    reader.warning(word, "the \"ssl\" directive is deprecated: write `listen 443 ssl`");
    reader.value(word, values::flag(&word.text)).unwrap_or_default()
}

type Defaults = BTreeMap<(Option<IpAddr>, u16), usize>;

fn read(
    reader: &mut Reader<'_>,
    directive: &Directive,
    (settings, client, mut certificates, http_ssl): (&Settings, ClientSettings, Certificates, bool),
    config: &mut NginxConfig,
    defaults: &mut Defaults,
) -> Server {
    let directives = reader.modelled(directive.block.as_deref().unwrap_or_default(), SERVER);
    let settings = settings.within(reader, &directives);
    let client = client.within(reader, &directives);
    certificates.take(&directives);
    let ssl = ssl_on(reader, &directives) || http_ssl;
    let mut server =
        Server { listens: Vec::new(), names: Vec::new(), answer: None, locations: Vec::new(), client };
    for directive in &directives {
        match directive.name.text.as_str() {
            "listen" => {
                let Some(mut listen) = read_listen(reader, directive) else { continue };
                listen.tls |= ssl;
                add_listen(reader, directive, listen, config.servers.len(), &mut server, defaults);
            }
            "server_name" => {
                for word in &directive.args {
                    server.names.extend(read_name(reader, word));
                }
            }
            "return" | "rewrite" => {
                let answer = location::read_answer(reader, directive);
                server.answer = server.answer.or(answer);
            }
            "location" => {
                let inherited = (&settings, client);
                location::read(reader, directive, inherited, &mut server.locations, &mut config.upstreams);
            }
            _ => {}
        }
    }
    if server.listens.is_empty() {
        server.listens.push(Listen { address: None, port: 80, tls: ssl, default_server: false });
    }
    if server.listens.iter().any(|listen| listen.tls) {
        for (set, name) in
            [(certificates.certificate, "ssl_certificate"), (certificates.key, "ssl_certificate_key")]
        {
            if !set {
                let message = format!("no \"{name}\" is defined for the \"listen ... ssl\" directive");
                reader.error(&directive.name, message);
            }
        }
    }
    server
}

fn add_listen(
    reader: &mut Reader<'_>,
    directive: &Directive,
    listen: Listen,
    index: usize,
    server: &mut Server,
    defaults: &mut Defaults,
) {
    let place = (listen.address, listen.port);
    if server.listens.iter().any(|known| (known.address, known.port) == place) {
        reader.error(directive.arg(), format!("a duplicate listen {}", directive.arg().text));
        return;
    }
    if listen.default_server && defaults.insert(place, index).is_some() {
        reader.error(directive.arg(), format!("a duplicate default server for {}", directive.arg().text));
    }
    server.listens.push(listen);
}

/// One name on one port answers once: nginx takes the first and says so.
fn warn_of_conflicts(
    reader: &mut Reader<'_>,
    directive: &Directive,
    server: &Server,
    names: &mut BTreeMap<(Option<IpAddr>, u16, String), ()>,
) {
    let shown = if server.names.is_empty() {
        vec![String::new()]
    } else {
        server.names.iter().map(ServerName::shown).collect()
    };
    for listen in &server.listens {
        for name in &shown {
            if names.insert((listen.address, listen.port, name.clone()), ()).is_some() {
                let message = format!("conflicting server name \"{name}\" on port {}, ignored", listen.port);
                reader.warning(&directive.name, message);
            }
        }
    }
}

/// Parameters of `listen` that change nothing for the model; those with `=` take a value.
const LISTEN_PARAMETERS: [&str; 13] = [
    "http2",
    "bind",
    "reuseport",
    "deferred",
    "backlog=",
    "rcvbuf=",
    "sndbuf=",
    "fastopen=",
    "setfib=",
    "accept_filter=",
    "ipv6only=",
    "so_keepalive=",
    "spdy",
];

fn read_listen(reader: &mut Reader<'_>, directive: &Directive) -> Option<Listen> {
    let place = directive.arg();
    let text = place.text.as_str();
    let mut listen = Listen { address: None, port: 80, tls: false, default_server: false };
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let Some(port) = text.parse::<u16>().ok().filter(|port| *port > 0) else {
            reader.error(place, format!("invalid port in \"{text}\" of the \"listen\" directive"));
            return None;
        };
        listen.port = port;
    } else {
        let star = text == "*" || text.starts_with("*:");
        let with_host = if star { text.replacen('*', "0.0.0.0", 1) } else { text.to_owned() };
        let host = reader.value(place, values::host_port(&with_host))?;
        listen.port = host.port.unwrap_or(80);
        let addresses = match (host.address, reader.around) {
            (Some(address), _) => vec![address],
            (None, Some(around)) => around.hosts.resolve(host.host),
            (None, None) => return None,
        };
        let Some(address) = addresses.first() else {
            reader.error(place, format!("host not found in \"{text}\" of the \"listen\" directive"));
            return None;
        };
        let everything = IpAddr::from([0, 0, 0, 0]);
        listen.address = Some(*address).filter(|address| *address != everything);
        if let (Some(around), Some(address)) = (reader.around, listen.address)
            && address != around.own
            && !address.is_loopback()
            && !address.is_unspecified()
        {
            let help = format!("the balancer's address is {}", around.own);
            let message = format!("bind() to {address} failed: the host has no such address");
            reader.error_with_help(place, message, help);
        }
    }
    for word in &directive.args[1..] {
        match word.text.as_str() {
            "ssl" => listen.tls = true,
            "default_server" | "default" => listen.default_server = true,
            "proxy_protocol" => reader.error(word, "`proxy_protocol` is not modelled"),
            other => {
                let fits = |known: &str| {
                    if known.ends_with('=') { other.starts_with(known) } else { other == known }
                };
                if !LISTEN_PARAMETERS.iter().any(|known| fits(known)) {
                    reader.error_with_help(
                        word,
                        format!("invalid parameter \"{other}\""),
                        "such as `ssl`, `default_server`",
                    );
                }
            }
        }
    }
    Some(listen)
}

fn read_name(reader: &mut Reader<'_>, word: &Word) -> Option<ServerName> {
    let text = word.text.to_ascii_lowercase();
    if text.starts_with('~') {
        reader.error(word, "a pattern as a server name is not modelled");
        return None;
    }
    if text.contains('/') {
        reader.warning(word, format!("server name \"{}\" has suspicious symbols", word.text));
    }
    let star = text.starts_with('*') && (text.len() < 3 || !text.starts_with("*."));
    if star || text == "." {
        reader.error(word, format!("server name \"{}\" is invalid", word.text));
        return None;
    }
    let name = if let Some(ending) = text.strip_prefix("*.") {
        ServerName::Ending(format!(".{ending}"))
    } else if let Some(beginning) = text.strip_suffix(".*") {
        ServerName::Beginning(format!("{beginning}."))
    } else if text.starts_with('.') {
        ServerName::NameAndEnding(text.clone())
    } else {
        ServerName::Exact(text.clone())
    };
    // nginx notices this only where several server blocks share a port.
    let body = text.trim_start_matches("*.").trim_end_matches(".*");
    if body.contains('*') || (text != body && body.is_empty()) || text.starts_with("..") {
        reader.error(word, format!("invalid server name or wildcard \"{}\"", word.text));
        return None;
    }
    Some(name)
}
