//! What a source of the command line means: a folder to go to, and a name there.

use crate::disk::{Kind, errno};
use crate::rsync::env::Env;
use crate::rsync::paths::{absolute, cleaned, has_turn, quoted, split};
use crate::rsync::stop::show_errno;

/// One source of the command line, or one name of `--files-from`.
pub(super) struct Source {
    pub folder: Vec<u8>,
    /// rsync goes into the folder before it looks, and says so when it cannot.
    pub goes_there: bool,
    /// The name in the list.
    pub name: Vec<u8>,
    /// The content is meant, not the folder itself.
    pub content: bool,
    pub prefix: &'static [u8],
    /// It begins with `./`, so that the folder itself is on the way to it.
    pub from_dot: bool,
    /// It holds `..` where `-R` takes none: what of it would be a name.
    pub refused: Option<Vec<u8>>,
}

/// A source without `-R`: a name in a folder, or the content of one.
pub(super) fn plain_source(working: &[u8], path: &[u8]) -> Source {
    let content = path.ends_with(b"/") || matches!(split(path).1, b"." | b"..");
    let (folder, name) = if content {
        let whole = path.strip_suffix(b"/.").unwrap_or(path);
        let slashes = whole.iter().rev().take_while(|&&byte| byte == b'/').count();
        (if slashes == whole.len() { b"/" } else { &whole[..whole.len() - slashes] }, b".".as_slice())
    } else {
        split(path)
    };
    let goes_there = !folder.is_empty() && folder != b".";
    let folder = absolute(working, folder);
    Source { folder, goes_there, name: name.to_vec(), content, prefix: b"", from_dot: false, refused: None }
}

/// A source with `-R`: the path is the name, from `/./` on if that stands in it.
pub(super) fn relative_source(working: &[u8], path: &[u8]) -> Source {
    let content = path.ends_with(b"/") || matches!(split(path).1, b"." | b"..");
    let pivot = path.windows(3).position(|part| part == b"/./");
    let (folder, rest, prefix): (Vec<u8>, &[u8], &'static [u8]) = match pivot {
        Some(at) => (absolute(working, if at == 0 { b"/" } else { &path[..at] }), &path[at + 3..], b""),
        None if path.starts_with(b"/") => (b"/".to_vec(), path, b"/"),
        None => (working.to_vec(), path, b""),
    };
    let name = cleaned(rest.strip_prefix(b"/").unwrap_or(rest));
    let name = name.strip_prefix(b"/").map_or(name.clone(), <[u8]>::to_vec);
    let goes_on = |rest: &[u8]| rest.iter().any(|&byte| byte != b'/');
    let from_dot = pivot.is_none() && path.strip_prefix(b"./").is_some_and(goes_on);
    let refused = has_turn(rest).then(|| rest.to_vec());
    Source { folder, goes_there: pivot.is_some(), name, content, prefix, from_dot, refused }
}

/// Why rsync does not get into the folder of `--files-from`, as it says it.
pub(in crate::rsync) fn cannot_enter(env: &impl Env, base: &[u8]) -> Option<Vec<u8>> {
    let base = absolute(env.working_folder(), &cleaned(base));
    let found = env.read_disk(|disk| disk.stat(&base)).and_then(|stat| match stat.kind {
        Kind::Folder => Ok(()),
        _ => Err(errno::error(errno::ENOTDIR)),
    });
    let error = found.err()?;
    Some(
        [b"rsync: [sender] change_dir ", &*quoted(&base), b" failed: ", show_errno(&error).as_bytes()]
            .concat(),
    )
}
