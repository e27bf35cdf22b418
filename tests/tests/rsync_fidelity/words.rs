//! Lines as they are compared: without what differs from run to run.

/// What messages begin with; any other line of standard output is about an entry.
const MESSAGES: [&str; 33] = [
    "*deleting ",
    "deleting ",
    "cannot delete non-empty directory",
    "skipping ",
    "created directory ",
    "created ",
    "IO error encountered",
    "not creating new ",
    "sending incremental file list",
    "receiving incremental file list",
    "building file list",
    "receiving file list",
    "sent ",
    "total size is ",
    "Number of ",
    "Total ",
    "Literal data",
    "Matched data",
    "File list ",
    "delta-transmission ",
    "total: ",
    "[sender] ",
    "[generator] ",
    "[receiver] ",
    "[Receiver] ",
    "[client] ",
    "protecting ",
    "hiding ",
    "showing ",
    "rsync",
    "backed up ",
    "backup_dir is ",
    "(new) backup_dir is ",
];
/// Messages by their end.
const ENDS: [&str; 3] = [" is newer", " exists", " is uptodate"];
/// Lines of which everything behind these words depends on time or on the framing of the connection.
const MASKED: [&str; 7] = [
    "sent ",
    "total size is ",
    "File list size: ",
    "File list generation time: ",
    "File list transfer time: ",
    "Total bytes sent: ",
    "Total bytes received: ",
];

/// Lines of `-vv` that tell of the program, not of the transfer: they are not compared.
const DEBUGGING: [&str; 5] =
    ["opening connection using: ", "deleting in ", "removing duplicate name ", "[sender] ", "[generator] "];

/// Whether a line tells of a deletion.
pub fn is_deletion(line: &str) -> bool {
    line.starts_with("*deleting ") || line.starts_with("deleting ")
}

/// Whether a line is none of those that tell of an entry in the order of the list.
pub fn is_message(line: &str) -> bool {
    MESSAGES.iter().any(|start| line.starts_with(start)) || ENDS.iter().any(|end| line.ends_with(end))
}

/// A line without the path of the ground, places in rsync's source, and masked numbers; none for an empty one.
pub fn cleaned(line: &[u8], ground: &[u8]) -> Option<String> {
    if line.is_empty() || DEBUGGING.iter().any(|start| line.starts_with(start.as_bytes())) {
        return None;
    }
    let line = replace(line, ground, b"/GROUND");
    let line = without_random_parts(&line);
    let line = String::from_utf8_lossy(&line).into_owned();
    if let Some(start) = MASKED.iter().find(|start| line.starts_with(*start)) {
        // The whole size is the sum of the list's; speed-up and rates are not compared.
        let kept = if *start == "total size is " { line.split("  ").next().unwrap_or(start) } else { start };
        let dry = if line.ends_with("(DRY RUN)") { " (DRY RUN)" } else { "" };
        return Some(format!("{kept}...{dry}"));
    }
    if let Some((matches, rest)) = line.split_once("  hash_hits=").filter(|_| line.starts_with("total: ")) {
        return Some(format!("{matches} ... {}", rest.split(' ').next_back().unwrap_or_default()));
    }
    // At `-vv` other lines can come between the two halves of this one.
    if line == "done" {
        return None;
    }
    if let Some((list, _)) = line.split_once(" file list ... ") {
        return Some(format!("{list} file list"));
    }
    // Whether the last words of a process that another one ends still find somebody to read them is a race.
    if line.ends_with("write error: Broken pipe (32)") || line.starts_with("rsync error: received SIGUSR1") {
        return None;
    }
    if let Some((before, after)) = line.split_once("unexpectedly closed (") {
        let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
        return Some(format!("{before}unexpectedly closed (...{after}"));
    }
    Some(without_place(&line))
}

/// `... (code 23) at main.c(1394) [sender=3.5.0]` without the place, which differs between versions.
fn without_place(line: &str) -> String {
    let Some((before, after)) = line.split_once(") at ").filter(|_| line.starts_with("rsync ")) else {
        return line.to_owned();
    };
    let role = after.split_once('[').and_then(|(_, role)| role.split_once('='));
    format!("{before}) [{}]", role.map_or("", |(role, _)| role))
}

/// The random part of a temporary name in a message.
fn without_random_parts(line: &[u8]) -> Vec<u8> {
    let parts = line.split(|&byte| byte == b'"').map(|part| match part.strip_prefix(b"/GROUND/tmp/") {
        // In a folder of their own temporary names have no dot before them.
        Some(name) if !name.starts_with(b".") => {
            [b"/GROUND/tmp/", &super::tree::without_random_part(&[b".", name].concat())[1..]].concat()
        }
        _ if part.starts_with(b"/") => super::tree::without_random_part(part),
        _ => part.to_vec(),
    });
    parts.collect::<Vec<_>>().join(&b'"')
}

/// Bytes with every `what` replaced by `with`.
pub fn replace(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}
