//! Locations, and the answers that nginx gives by itself.

use super::directives::LOCATION;
use super::proxy::{self, Settings};
use super::reader::Reader;
use super::tree::Directive;
use super::values;
use super::{Action, Answer, ClientSettings, Location, Upstream, Variable};

/// Reads one `location` block.
pub(super) fn read(
    reader: &mut Reader<'_>,
    directive: &Directive,
    (settings, client): (&Settings, ClientSettings),
    locations: &mut Vec<Location>,
    upstreams: &mut Vec<Upstream>,
) {
    let (modifier, path) = match directive.args.as_slice() {
        [path] => ("", path),
        [modifier, path] => (modifier.text.as_str(), path),
        _ => return,
    };
    let exact = match modifier {
        "" if path.text.starts_with(['=', '~', '@', '^']) => {
            let help = "a location is a path, perhaps after `=` and a blank";
            reader.error_with_help(path, "patterns and named locations are not modelled", help);
            return;
        }
        // Without patterns in the file, `^~` is the same as none.
        "" | "^~" => false,
        "=" => true,
        "~" | "~*" => {
            reader.error_with_help(
                &directive.args[0],
                "a pattern as a location is not modelled",
                "write the beginning of the path",
            );
            return;
        }
        other => {
            reader.error(&directive.args[0], format!("invalid location modifier \"{other}\""));
            return;
        }
    };
    if locations.iter().any(|known| known.exact == exact && known.path == path.text) {
        reader.error(path, format!("duplicate location \"{}\"", path.text));
        return;
    }
    let directives = reader.modelled(directive.block.as_deref().unwrap_or_default(), LOCATION);
    let settings = settings.within(reader, &directives);
    let client = client.within(reader, &directives);
    let mut answer = None;
    let mut pass = None;
    for directive in directives {
        match directive.name.text.as_str() {
            "return" | "rewrite" => answer = answer.or(read_answer(reader, directive)),
            "proxy_pass" => pass = proxy::read_pass(reader, directive.arg(), &settings, upstreams),
            "location" => reader.error(&directive.name, "a location inside a location is not modelled"),
            _ => {}
        }
    }
    let action = match (answer, pass) {
        (Some(answer), _) => Action::Answer(answer),
        (None, Some(pass)) => Action::Proxy(pass),
        (None, None) => Action::Files,
    };
    locations.push(Location { exact, path: path.text.clone(), action, client });
}

/// Patterns of `rewrite` that match every path, and what `$1` is in them.
const PATTERNS: [(&str, Option<Variable>); 9] = [
    ("^", None),
    ("^/", None),
    ("^.*$", None),
    ("^/(.*)", Some(Variable::UriAfterSlash)),
    ("^/(.*)$", Some(Variable::UriAfterSlash)),
    ("^(.*)", Some(Variable::Uri)),
    ("^(.*)$", Some(Variable::Uri)),
    ("(.*)", Some(Variable::Uri)),
    (".*", None),
];

/// Reads `return` or `rewrite`.
pub(super) fn read_answer(reader: &mut Reader<'_>, directive: &Directive) -> Option<Answer> {
    if directive.name.text == "rewrite" {
        read_rewrite(reader, directive)
    } else {
        read_return(reader, directive)
    }
}

fn read_return(reader: &mut Reader<'_>, directive: &Directive) -> Option<Answer> {
    let first = directive.arg();
    let url = ["http://", "https://", "$scheme"].iter().any(|start| first.text.starts_with(start));
    if directive.args.len() == 1 && url {
        let text = reader.value(first, values::template(&first.text, None))?;
        return Some(Answer { status: 302, text: Some(text), add_query: false });
    }
    let status = first.text.parse::<u16>().ok().filter(|status| {
        *status <= 999 && first.text.len() <= 3 && first.text.bytes().all(|byte| byte.is_ascii_digit())
    });
    let Some(status) = status else {
        reader.error(first, format!("invalid return code \"{}\"", first.text));
        return None;
    };
    if status < 200 {
        reader.error(first, format!("an answer with the status {status} is not modelled"));
        return None;
    }
    let text = match directive.args.get(1) {
        None => None,
        Some(word) => Some(reader.value(word, values::template(&word.text, None))?),
    };
    Some(Answer { status, text, add_query: false })
}

fn read_rewrite(reader: &mut Reader<'_>, directive: &Directive) -> Option<Answer> {
    let [pattern, replacement, flag @ ..] = directive.args.as_slice() else { return None };
    let Some((_, capture)) = PATTERNS.iter().find(|(known, _)| *known == pattern.text) else {
        let help = "every path can be redirected: `rewrite ^/(.*) https://am.wso2.com/$1 permanent;`";
        reader.error_with_help(pattern, format!("the pattern `{}` is not modelled", pattern.text), help);
        return None;
    };
    let url = ["http://", "https://", "$scheme"].iter().any(|start| replacement.text.starts_with(start));
    let status = match flag.first().map(|flag| flag.text.as_str()) {
        Some("permanent") => 301,
        Some("redirect") => 302,
        None if url => 302,
        Some("last" | "break") if url => 302,
        None | Some("last" | "break") => {
            reader.error(&directive.name, "a rewrite of the path inside nginx is not modelled");
            return None;
        }
        Some(other) => {
            reader.error(&flag[0], format!("invalid parameter \"{other}\""));
            return None;
        }
    };
    let (address, add_query) = match replacement.text.strip_suffix('?') {
        Some(address) => (address, false),
        None => (replacement.text.as_str(), true),
    };
    let text = reader.value(replacement, values::template(address, capture.as_ref()))?;
    Some(Answer { status, text: Some(text), add_query })
}
