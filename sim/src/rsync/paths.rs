//! Paths as bytes.

/// A path as an absolute one, counted from a working folder.
pub(super) fn absolute(working_folder: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") { path.to_vec() } else { join(working_folder, path) }
}

/// A folder's path with a name below it; `.` is the folder itself.
pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if name == b"." || name.is_empty() {
        return folder.to_vec();
    }
    let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
    path.extend_from_slice(folder);
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The folder and the last part of a path; a path without a slash lies in an empty folder.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(0) => (b"/", &path[1..]),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// A path without empty and `.` parts; `..` stays.
pub(super) fn cleaned(path: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> =
        path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    let mut clean = if path.starts_with(b"/") { b"/".to_vec() } else { Vec::new() };
    clean.extend_from_slice(&parts.join(&b'/'));
    if clean.is_empty() { b".".to_vec() } else { clean }
}

/// A path without empty and `.` parts and without `..` where a part stands before it, whatever that part is.
pub(super) fn collapsed(path: &[u8]) -> Vec<u8> {
    let is_absolute = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
        if part != b".." || (parts.last().is_none_or(|last| *last == b"..") && !is_absolute) {
            parts.push(part);
        } else {
            parts.pop();
        }
    }
    let whole = [if is_absolute { b"/".as_slice() } else { b"" }, &parts.join(&b'/')].concat();
    if whole.is_empty() { b".".to_vec() } else { whole }
}

/// Whether a part of a path is `..`.
pub(super) fn has_turn(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|part| part == b"..")
}

/// How many folders of the transfer a name lies in, itself counted; `.` lies in none.
pub(super) fn depth(name: &[u8]) -> usize {
    if name == b"." { 0 } else { 1 + name.iter().filter(|&&byte| byte == b'/').count() }
}

/// Whether `name` lies below `folder` (not the folder itself); everything lies below `.`.
pub(super) fn is_below(name: &[u8], folder: &[u8]) -> bool {
    if folder == b"." {
        return name != b".";
    }
    name.len() > folder.len() && name.starts_with(folder) && name[folder.len()] == b'/'
}

/// A path in quotes, as rsync's messages show it.
pub(super) fn quoted(path: &[u8]) -> Vec<u8> {
    [b"\"", path, b"\""].concat()
}
