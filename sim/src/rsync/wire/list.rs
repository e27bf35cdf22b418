//! The file list on the connection: each entry says only what differs from the one before it.

use bytes::{Buf, BufMut, Bytes};

use super::{Malformed, byte, int, put_int};
use crate::disk::Kind;
use crate::rsync::file_list::Entry;

const SAME_MODE: u8 = 1;
const SAME_TIME: u8 = 2;
const SAME_OWNER: u8 = 4;
const CONTENT: u8 = 8;
const IMPLIED: u8 = 16;
const TOP: u8 = 32;
const CHECKSUM: u8 = 64;
const UNREADABLE: u8 = 128;

/// The bytes of some entries, in pieces of at most about `piece_bytes`.
pub fn encode_list(entries: &[Entry], piece_bytes: usize) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut out = Vec::new();
    let mut previous: Option<&Entry> = None;
    for entry in entries {
        encode_entry(&mut out, entry, previous);
        previous = Some(entry);
        if out.len() >= piece_bytes {
            pieces.push(Bytes::from(std::mem::take(&mut out)));
            previous = None;
        }
    }
    if !out.is_empty() {
        pieces.push(Bytes::from(out));
    }
    pieces
}

/// The entries of one piece, added to `entries`.
pub fn decode_list(mut piece: Bytes, entries: &mut Vec<Entry>) -> Result<(), Malformed> {
    let first = entries.len();
    while !piece.is_empty() {
        let previous = entries.get(first..).and_then(<[Entry]>::last);
        let entry = decode_entry(&mut piece, previous)?;
        entries.push(entry);
    }
    Ok(())
}

fn kind_letter(kind: Kind) -> u8 {
    match kind {
        Kind::File => b'f',
        Kind::Folder => b'd',
        Kind::Symlink => b'l',
        Kind::Fifo => b'p',
        Kind::Socket => b's',
        Kind::CharDevice(..) => b'c',
        Kind::BlockDevice(..) => b'b',
    }
}

fn encode_entry(out: &mut Vec<u8>, entry: &Entry, previous: Option<&Entry>) {
    let same = |what: fn(&Entry, &Entry) -> bool| previous.is_some_and(|previous| what(previous, entry));
    let mut flags = 0;
    for (set, flag) in [
        (same(|a, b| a.mode == b.mode && a.kind == b.kind), SAME_MODE),
        (same(|a, b| a.mtime_ns == b.mtime_ns), SAME_TIME),
        (same(|a, b| (a.uid, a.gid) == (b.uid, b.gid)), SAME_OWNER),
        (entry.content, CONTENT),
        (entry.implied, IMPLIED),
        (entry.top, TOP),
        (entry.checksum.is_some(), CHECKSUM),
        (entry.unreadable, UNREADABLE),
    ] {
        if set {
            flags |= flag;
        }
    }
    out.push(flags);
    let shared = previous.map_or(0, |previous| {
        previous.name.iter().zip(&entry.name).take_while(|(a, b)| a == b).take(255).count()
    });
    out.push(shared as u8);
    put_bytes(out, &entry.name[shared..]);
    if flags & SAME_MODE == 0 {
        out.push(kind_letter(entry.kind));
        put_int(out, u64::from(entry.mode));
        if let Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) = entry.kind {
            put_int(out, u64::from(major));
            put_int(out, u64::from(minor));
        }
    }
    if flags & SAME_TIME == 0 {
        out.put_i64_le(entry.mtime_ns);
    }
    if flags & SAME_OWNER == 0 {
        put_int(out, u64::from(entry.uid));
        put_int(out, u64::from(entry.gid));
    }
    put_int(out, entry.size);
    if entry.kind == Kind::Symlink {
        put_bytes(out, &entry.target);
    }
    if let Some(checksum) = entry.checksum {
        out.put_u128_le(checksum);
    }
}

fn decode_entry(piece: &mut Bytes, previous: Option<&Entry>) -> Result<Entry, Malformed> {
    let flags = byte(piece)?;
    let shared = usize::from(byte(piece)?);
    let suffix = take_bytes(piece)?;
    let name = match (shared, previous) {
        (0, _) => suffix,
        (_, Some(previous)) => {
            let mut name = Vec::with_capacity(shared + suffix.len());
            name.extend_from_slice(previous.name.get(..shared).ok_or(Malformed)?);
            name.extend_from_slice(&suffix);
            Bytes::from(name)
        }
        _ => return Err(Malformed),
    };
    if !is_safe(&name) {
        return Err(Malformed);
    }
    let (kind, mode) = if flags & SAME_MODE != 0 {
        previous.map(|previous| (previous.kind, previous.mode)).ok_or(Malformed)?
    } else {
        let letter = byte(piece)?;
        let mode = u32::try_from(int(piece)?).ok().filter(|&mode| mode <= 0o7777).ok_or(Malformed)?;
        let mut number = || u32::try_from(int(piece)?).map_err(|_| Malformed);
        let kind = match letter {
            b'f' => Kind::File,
            b'd' => Kind::Folder,
            b'l' => Kind::Symlink,
            b'p' => Kind::Fifo,
            b's' => Kind::Socket,
            b'c' => Kind::CharDevice(number()?, number()?),
            b'b' => Kind::BlockDevice(number()?, number()?),
            _ => return Err(Malformed),
        };
        (kind, mode)
    };
    let mtime_ns = match previous {
        Some(previous) if flags & SAME_TIME != 0 => previous.mtime_ns,
        _ => piece.try_get_i64_le().map_err(|_| Malformed)?,
    };
    let (uid, gid) = match previous {
        Some(previous) if flags & SAME_OWNER != 0 => (previous.uid, previous.gid),
        _ => {
            let mut number = || u32::try_from(int(piece)?).map_err(|_| Malformed);
            (number()?, number()?)
        }
    };
    let size = int(piece)?;
    let target = if kind == Kind::Symlink { take_bytes(piece)? } else { Bytes::new() };
    let checksum = match flags & CHECKSUM {
        0 => None,
        _ => Some(piece.try_get_u128_le().map_err(|_| Malformed)?),
    };
    Ok(Entry {
        name,
        kind,
        mode,
        size,
        mtime_ns,
        uid,
        gid,
        target,
        checksum,
        content: flags & CONTENT != 0,
        unreadable: flags & UNREADABLE != 0,
        implied: flags & IMPLIED != 0,
        top: flags & TOP != 0,
        root: 0,
    })
}

/// A name that stays below the destination: relative, without empty parts, NUL bytes or `..`.
fn is_safe(name: &[u8]) -> bool {
    let plain = |part: &[u8]| !part.is_empty() && part != b".." && part != b".";
    name == b"." || (!name.contains(&0) && name.split(|&byte| byte == b'/').all(plain))
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_int(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes(piece: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = usize::try_from(int(piece)?).map_err(|_| Malformed)?;
    if length > piece.len() {
        return Err(Malformed);
    }
    Ok(piece.split_to(length))
}
