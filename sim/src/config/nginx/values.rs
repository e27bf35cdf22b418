//! Values in an `nginx.conf`: times, numbers, addresses, text with variables.

use std::net::IpAddr;
use std::time::Duration;

use harness::finding::nearest;

use super::{Part, Template, Variable};

/// A time as nginx reads it: `5m`, `1h30m`, `500ms`, `60` (seconds). Larger units come first.
///
/// # Errors
/// nginx's word for it.
pub(super) fn time(text: &str, milliseconds: bool) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 8] = [
        ("y", 365 * 86_400_000),
        ("M", 30 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let invalid =
        || "invalid value: a time is written as `5m`, `1m30s`, `500ms` or `60` (seconds)".to_owned();
    let mut rest = text;
    let mut total = 0_u64;
    let mut units = UNITS.as_slice();
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = if letters == 0 { "s" } else { &rest[..letters] };
        let index = units.iter().position(|(name, _)| *name == unit).ok_or_else(invalid)?;
        if unit == "ms" && !milliseconds {
            return Err("invalid value: whole seconds are expected here".to_owned());
        }
        total = number
            .checked_mul(units[index].1)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(invalid)?;
        units = &units[index + 1..];
        rest = rest[letters..].trim_start_matches(' ');
        if letters == 0 && !rest.is_empty() {
            return Err(invalid());
        }
    }
    if total > i32::MAX as u64 * 1000 {
        return Err(invalid());
    }
    Ok(Duration::from_millis(total))
}

/// A whole number that fits in 31 bits.
///
/// # Errors
/// nginx's word for it.
pub(super) fn number(text: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<u32>().ok().filter(|number| digits && i32::try_from(*number).is_ok());
    number.ok_or_else(|| "invalid number".to_owned())
}

/// A size in bytes: `1m`, `512k`, `1g`, `100`.
///
/// # Errors
/// nginx's word for it.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1024),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1024 * 1024),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 1024 * 1024 * 1024),
        _ => (text, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let bytes = digits.parse::<u64>().ok().filter(|_| is_number).and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|&bytes| i64::try_from(bytes).is_ok())
        .ok_or_else(|| "invalid value: a size is written as `1m`, `512k` or `100`".to_owned())
}

/// `on` or `off`.
///
/// # Errors
/// nginx's word for it.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    if text.eq_ignore_ascii_case("on") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("off") {
        Ok(false)
    } else {
        Err("invalid value: it must be \"on\" or \"off\"".to_owned())
    }
}

/// A host and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort<'a> {
    /// Without brackets.
    pub(super) host: &'a str,
    /// The host when it is an address.
    pub(super) address: Option<IpAddr>,
    pub(super) port: Option<u16>,
}

/// `host`, `host:port`, `1.2.3.4:5`, `[::1]:5`.
///
/// # Errors
/// nginx's word for it.
pub(super) fn host_port(text: &str) -> Result<HostPort<'_>, String> {
    if text.starts_with("unix:") {
        return Err("a socket in the file system is not modelled".to_owned());
    }
    let (host, port, address) = if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']').ok_or("invalid host")?;
        let address: IpAddr = inner.parse::<std::net::Ipv6Addr>().map_err(|_| "invalid IPv6 address")?.into();
        let port = match after {
            "" => None,
            _ => Some(after.strip_prefix(':').ok_or("invalid host")?),
        };
        (inner, port, Some(address))
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port), host.parse().ok()),
            None => (text, None, text.parse().ok()),
        }
    };
    if host.is_empty()
        || host.contains(|c: char| c.is_whitespace() || "/?#:@".contains(c)) && address.is_none()
    {
        return Err("no host".to_owned());
    }
    let port = match port {
        None => None,
        Some(port) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let number = port.parse::<u16>().ok().filter(|number| digits && *number > 0);
            Some(number.ok_or("invalid port")?)
        }
    };
    Ok(HostPort { host, address, port })
}

/// Variables of nginx that the model does not give; those that begin with one of [`PREFIXES`] too.
const OTHER_VARIABLES: [&str; 31] = [
    "binary_remote_addr",
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_requests",
    "connection_time",
    "content_length",
    "content_type",
    "document_root",
    "gzip_ratio",
    "hostname",
    "http2",
    "https",
    "limit_rate",
    "msec",
    "nginx_version",
    "pid",
    "pipe",
    "proxy_protocol_addr",
    "realpath_root",
    "remote_user",
    "request",
    "request_body",
    "request_completion",
    "request_filename",
    "request_id",
    "request_length",
    "request_time",
    "server_protocol",
    "status",
    "time_local",
];
const PREFIXES: [&str; 9] = [
    "arg_",
    "cookie_",
    "sent_http_",
    "sent_trailer_",
    "upstream_",
    "ssl_",
    "tcpinfo_",
    "proxy_protocol_",
    "connections_",
];
const VARIABLES: [(&str, Variable); 17] = [
    ("host", Variable::Host),
    ("request_uri", Variable::RequestUri),
    ("uri", Variable::Uri),
    ("document_uri", Variable::Uri),
    ("args", Variable::Args),
    ("query_string", Variable::Args),
    ("is_args", Variable::IsArgs),
    ("scheme", Variable::Scheme),
    ("server_name", Variable::ServerName),
    ("server_port", Variable::ServerPort),
    ("server_addr", Variable::ServerAddress),
    ("remote_addr", Variable::RemoteAddress),
    ("remote_port", Variable::RemotePort),
    ("request_method", Variable::RequestMethod),
    ("proxy_host", Variable::ProxyHost),
    ("proxy_port", Variable::ProxyPort),
    ("proxy_add_x_forwarded_for", Variable::ProxyAddXForwardedFor),
];

/// Text with variables; `capture` is what `$1` stands for.
///
/// # Errors
/// nginx's word for a wrong variable, or that the model does not know it.
pub(super) fn template(text: &str, capture: Option<&Variable>) -> Result<Template, String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        if dollar > 0 {
            parts.push(Part::Text(rest[..dollar].to_owned()));
        }
        rest = &rest[dollar + 1..];
        let braced = rest.starts_with('{');
        let inner = rest.strip_prefix('{').unwrap_or(rest);
        let name = if !braced && inner.starts_with(|c: char| c.is_ascii_digit()) {
            &inner[..1]
        } else {
            let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            &inner[..end]
        };
        let after = &inner[name.len()..];
        rest = match (braced, after.strip_prefix('}')) {
            (true, Some(after)) => after,
            (true, None) => return Err(format!("the closing bracket in \"{name}\" variable is missing")),
            (false, _) => after,
        };
        parts.push(Part::Variable(variable(name, capture)?));
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(Template { parts })
}

fn variable(name: &str, capture: Option<&Variable>) -> Result<Variable, String> {
    if name.is_empty() {
        return Err("invalid variable name".to_owned());
    }
    if let Some(capture) = capture.filter(|_| name == "1") {
        return Ok(capture.clone());
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`${name}` is no part that the pattern captures"));
    }
    let lower = name.to_ascii_lowercase();
    if let Some((_, variable)) = VARIABLES.iter().find(|(known, _)| *known == lower) {
        return Ok(variable.clone());
    }
    if let Some(header) = lower.strip_prefix("http_") {
        return Ok(Variable::Header(header.replace('_', "-")));
    }
    if OTHER_VARIABLES.contains(&lower.as_str()) || PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(format!("the variable `${name}` is not modelled"));
    }
    let near = nearest(&lower, VARIABLES.iter().map(|(known, _)| *known));
    let help = near.map_or_else(String::new, |near| format!("; write `${near}`"));
    Err(format!("unknown \"{name}\" variable{help}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_nginx_reads_them() {
        for (text, millis) in [
            ("5m", 300_000),
            ("60", 60_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1h 5", 3_605_000),
            ("0", 0),
        ] {
            assert_eq!(time(text, true), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "m", "5x", "30s1m", "1m1m", "-1", "1.5s", "99999999999999999999s", "5 5"] {
            assert!(time(text, true).is_err(), "{text}");
        }
        assert!(time("500ms", false).is_err());
    }

    #[test]
    fn sizes_are_read_as_nginx_reads_them() {
        for (text, bytes) in [("0", 0), ("100", 100), ("8k", 8192), ("1M", 1 << 20), ("2g", 2 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "m", "1t", "-1", "+1", "1.5m", "99999999999999999999", "9999999999g", "é"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_may_have_a_port() {
        let read = |text| host_port(text).map(|found| (found.host.to_owned(), found.port));
        assert_eq!(read("a.b:80"), Ok(("a.b".to_owned(), Some(80))));
        assert_eq!(read("[::1]:443"), Ok(("::1".to_owned(), Some(443))));
        assert_eq!(read("10.0.0.1"), Ok(("10.0.0.1".to_owned(), None)));
        for text in ["", ":80", "a:", "a:0", "a:65536", "a:b", "[::1", "[zz]:1", "unix:/x", "a b", "a:+1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_are_found_in_text() {
        let parts = template("https://$host:${server_port}$request_uri", None).unwrap().parts;
        assert_eq!(parts.len(), 5);
        assert_eq!(parts[3], Part::Variable(Variable::ServerPort));
        let header = template("$http_x_real_ip", None).unwrap().parts;
        assert_eq!(header, [Part::Variable(Variable::Header("x-real-ip".to_owned()))]);
        for text in ["$", "${host", "$1", "$no_such", "$request_id", "$arg_x"] {
            assert!(template(text, None).is_err(), "{text}");
        }
        assert!(template("$hots", None).unwrap_err().contains("write `$host`"));
        assert!(template("/$1x", Some(&Variable::Uri)).is_ok());
    }
}
