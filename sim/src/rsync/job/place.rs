//! A path of the command line: on this host, or behind a host's name.

use crate::rsync::options::Refusal;
use crate::rsync::outcome::SYNTAX;

/// A host that a path names, and the user there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteHost {
    /// The user before the `@`.
    pub user: Option<Vec<u8>>,
    /// The host.
    pub host: Vec<u8>,
}

/// All sources must come from where the first one comes from.
///
/// # Errors
/// What rsync says of the first that does not.
pub(super) fn one_machine(
    args: &[Vec<u8>],
    sources: &[(Option<RemoteHost>, Vec<u8>)],
) -> Result<(), Refusal> {
    let (first, _) = &sources[0];
    for (arg, (host, _)) in args.iter().zip(sources) {
        let shown = String::from_utf8_lossy(arg);
        match (first, host) {
            (None, Some(_)) => {
                let line = format!("Unexpected remote arg: {shown}");
                return Err(Refusal::at(line, SYNTAX, "main.c(1555) [sender=3.5.0]"));
            }
            (Some(_), None) => {
                let hint = "If arg is a remote file/dir, prefix it with a colon (:).";
                let line = format!("Unexpected local arg: {shown}");
                let mut refusal = Refusal::at(line, SYNTAX, "main.c(1571) [Receiver=3.5.0]");
                if let Refusal::Rsync { lines, .. } = &mut refusal {
                    lines.insert(1, hint.to_owned());
                }
                return Err(refusal);
            }
            (Some(first), Some(host)) if !host.host.is_empty() && host.host != first.host => {
                let line = "All source args must come from the same machine.";
                return Err(Refusal::at(line, SYNTAX, "main.c(1575) [Receiver=3.5.0]"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A path with the host before its colon, if a colon stands before any slash.
///
/// # Errors
/// A daemon's path is not modelled.
pub(super) fn place(text: &[u8]) -> Result<(Option<RemoteHost>, Vec<u8>), Refusal> {
    let refused =
        || Refusal::NotModelled { option: format!("(a daemon: {})", String::from_utf8_lossy(text)) };
    if text.len() >= 8 && text[..8].eq_ignore_ascii_case(b"rsync://") {
        return Err(refused());
    }
    let end = text.iter().position(|byte| matches!(byte, b':' | b'/'));
    let Some(colon) = end.filter(|&at| text[at] == b':') else { return Ok((None, text.to_vec())) };
    if text.get(colon + 1) == Some(&b':') {
        return Err(refused());
    }
    let (before, path) = (&text[..colon], &text[colon + 1..]);
    let (user, host) = match before.iter().rposition(|&byte| byte == b'@') {
        Some(at) => (Some(before[..at].to_vec()), &before[at + 1..]),
        None => (None, before),
    };
    Ok((Some(RemoteHost { user, host: host.to_vec() }), path.to_vec()))
}
