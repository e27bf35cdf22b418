//! What messages are made of: numbers, counts, requests.

use bytes::{Buf, Bytes};

use super::{Malformed, Request};
use crate::rsync::delta::Signature;
use crate::rsync::itemize::Changes;
use crate::rsync::outcome::Kinds;

/// A number in as few bytes as it needs, seven bits a byte.
pub(super) fn put_int(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_kinds(out: &mut Vec<u8>, kinds: &Kinds) {
    for count in [kinds.files, kinds.folders, kinds.links, kinds.devices, kinds.specials] {
        put_int(out, count);
    }
}

pub(super) fn int(body: &mut Bytes) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(body)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

pub(super) fn byte(body: &mut Bytes) -> Result<u8, Malformed> {
    body.try_get_u8().map_err(|_| Malformed)
}

pub(super) fn index(body: &mut Bytes) -> Result<u32, Malformed> {
    u32::try_from(int(body)?).map_err(|_| Malformed)
}

pub(super) fn changes(body: &mut Bytes) -> Result<Changes, Malformed> {
    body.try_get_u16_le().map(Changes::from_bits).map_err(|_| Malformed)
}

pub(super) fn kinds(body: &mut Bytes) -> Result<Kinds, Malformed> {
    Ok(Kinds {
        files: int(body)?,
        folders: int(body)?,
        links: int(body)?,
        devices: int(body)?,
        specials: int(body)?,
    })
}

pub(super) fn request(body: &mut Bytes) -> Result<Request, Malformed> {
    let (index, changes, flags) = (index(body)?, changes(body)?, byte(body)?);
    let block_bytes = u32::try_from(int(body)?).map_err(|_| Malformed)?;
    let (file_bytes, strong_bytes) = (int(body)?, byte(body)?);
    let width = 4 + usize::from(strong_bytes);
    if strong_bytes > 8 || !body.len().is_multiple_of(width) {
        return Err(Malformed);
    }
    let count = body.len() / width;
    let covered = u64::from(block_bytes).saturating_mul(count as u64);
    if count > 0
        && (block_bytes == 0 || covered < file_bytes || covered - u64::from(block_bytes) >= file_bytes)
    {
        return Err(Malformed);
    }
    let blocks =
        (0..count).map(|_| (body.get_u32_le(), body.get_uint_le(usize::from(strong_bytes)))).collect();
    let signature = Signature { block_bytes, file_bytes, strong_bytes, blocks };
    Ok(Request { index, changes, signature, append: flags & 1 != 0, in_place: flags & 2 != 0 })
}
