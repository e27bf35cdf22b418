//! What the two halves say to each other over the connection.
//!
//! The framing is the model's own: a tag, three bytes of length, a body. What is sent, in which order and of
//! about which size is rsync's, so that bandwidth and a cut connection mean the same.

mod list;
mod parts;
mod stream;

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub(super) use list::{decode_list, encode_list};
use parts::{byte, changes, index, int, kinds, put_int, put_kinds, request};
pub(super) use stream::{Activity, Inbound, Outbound, Pace};

use super::delta::Signature;
use super::itemize::Changes;
use super::outcome::Kinds;

/// Bytes of content in one message, as rsync sends them.
pub(super) const LITERAL_BYTES: usize = 32 * 1024;
/// Bytes before each message's body.
pub(super) const HEADER_BYTES: usize = 4;
const BODY_BYTES_MAX: usize = (1 << 24) - 1;

/// What is wrong with bytes that came over the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message of this protocol")]
pub(super) struct Malformed;

/// What the receiver has of a file that it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Request {
    /// The entry of the list.
    pub index: u32,
    /// What `-i` will say of it.
    pub changes: Changes,
    /// Blocks that need not be sent.
    pub signature: Signature,
    /// Only what lies behind the receiver's length is to be sent (`--append`).
    pub append: bool,
    /// The receiver writes over its old file.
    pub in_place: bool,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// Client to server: options, filter rules and paths, and which half the server plays.
    Setup(Bytes),
    /// Sender to receiver: some entries of the list.
    List(Bytes),
    /// Sender to receiver: the list is complete; whether listing met errors; what was listed and how many bytes
    /// that is, when names that stand twice or were taken out make it more than the list.
    ListEnd { io_error: bool, listed: Option<(Kinds, u64)> },
    /// Receiver to sender: an entry that changed without its content; and back, when the receiver prints.
    Item { index: u32, changes: Changes, note: Bytes },
    /// Receiver to sender: this file's content is wanted.
    Request(Request),
    /// Sender to receiver: a file's content begins.
    Begin { index: u32, changes: Changes, size: u64 },
    /// Sender to receiver: bytes of it.
    Literal(Bytes),
    /// Sender to receiver: blocks that the receiver has.
    Blocks { first: u32, count: u32 },
    /// Sender to receiver: the file is complete; a digest of all of it.
    End { digest: u128 },
    /// Sender to receiver: this file will not come.
    NotSent { index: u32 },
    /// A line to print at the client; whether it means that something was not transferred.
    Line { error: bool, partial: bool, text: Bytes },
    /// Receiver to sender: an entry of the destination was deleted.
    Deleted { folder: bool, name: Bytes },
    /// Either way: what kind of trouble an exit code must tell.
    Trouble { general: bool, vanished: bool, delete_limit: bool },
    /// Either way: a phase is over.
    Done,
    /// Receiver to sender: what it counted.
    Counts { created: Kinds, deleted: Kinds, literal: u64, matched: u64 },
    /// Either way: the other half must exit with this code, too; it was said already.
    Exit(u8),
    /// Nothing; shows that somebody is there.
    KeepAlive,
}

impl Message {
    /// Appends the message's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[self.tag(), 0, 0, 0]);
        match self {
            Message::Setup(body) | Message::List(body) | Message::Literal(body) => out.put_slice(body),
            Message::ListEnd { io_error, listed } => {
                out.put_u8(u8::from(*io_error));
                if let Some((kinds, total_size)) = listed {
                    put_kinds(out, kinds);
                    put_int(out, *total_size);
                }
            }
            Message::Item { index, changes, note } => {
                put_int(out, u64::from(*index));
                out.put_u16_le(changes.bits());
                out.put_slice(note);
            }
            Message::Request(request) => {
                put_int(out, u64::from(request.index));
                out.put_u16_le(request.changes.bits());
                out.put_u8(u8::from(request.append) | u8::from(request.in_place) << 1);
                let signature = &request.signature;
                put_int(out, u64::from(signature.block_bytes));
                put_int(out, signature.file_bytes);
                out.put_u8(signature.strong_bytes);
                for (weak, strong) in &signature.blocks {
                    out.put_u32_le(*weak);
                    out.put_uint_le(*strong, usize::from(signature.strong_bytes));
                }
            }
            Message::Begin { index, changes, size } => {
                put_int(out, u64::from(*index));
                out.put_u16_le(changes.bits());
                put_int(out, *size);
            }
            Message::Blocks { first, count } => {
                put_int(out, u64::from(*first));
                put_int(out, u64::from(*count));
            }
            Message::End { digest } => out.put_u128_le(*digest),
            Message::NotSent { index } => put_int(out, u64::from(*index)),
            Message::Line { error, partial, text } => {
                out.put_u8(u8::from(*error) | u8::from(*partial) << 1);
                out.put_slice(text);
            }
            Message::Deleted { folder, name } => {
                out.put_u8(u8::from(*folder));
                out.put_slice(name);
            }
            Message::Trouble { general, vanished, delete_limit } => {
                out.put_u8(u8::from(*general) | u8::from(*vanished) << 1 | u8::from(*delete_limit) << 2);
            }
            Message::Counts { created, deleted, literal, matched } => {
                put_kinds(out, created);
                put_kinds(out, deleted);
                put_int(out, *literal);
                put_int(out, *matched);
            }
            Message::Exit(code) => out.put_u8(*code),
            Message::Done | Message::KeepAlive => {}
        }
        let length = out.len() - start - HEADER_BYTES;
        assert!(length <= BODY_BYTES_MAX, "a message's body fits three bytes of length");
        out[start + 1..start + HEADER_BYTES].copy_from_slice(&(length as u32).to_le_bytes()[..3]);
    }

    /// Takes one message off the front; none when it is not complete yet.
    pub fn decode(buffer: &mut BytesMut) -> Result<Option<Message>, Malformed> {
        if buffer.len() < HEADER_BYTES {
            return Ok(None);
        }
        let length = u32::from_le_bytes([buffer[1], buffer[2], buffer[3], 0]) as usize;
        if buffer.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        let tag = buffer[0];
        buffer.advance(HEADER_BYTES);
        let mut body = buffer.split_to(length).freeze();
        let message = match tag {
            1 => Message::Setup(body.split_to(length)),
            2 => Message::List(body.split_to(length)),
            3 => {
                let io_error = byte(&mut body)? != 0;
                let listed = match body.is_empty() {
                    true => None,
                    false => Some((kinds(&mut body)?, int(&mut body)?)),
                };
                Message::ListEnd { io_error, listed }
            }
            4 => {
                let (index, changes) = (index(&mut body)?, changes(&mut body)?);
                let rest = body.len();
                Message::Item { index, changes, note: body.split_to(rest) }
            }
            5 => Message::Request(request(&mut body)?),
            6 => Message::Begin {
                index: index(&mut body)?,
                changes: changes(&mut body)?,
                size: int(&mut body)?,
            },
            7 => Message::Literal(body.split_to(length)),
            8 => Message::Blocks { first: index(&mut body)?, count: index(&mut body)? },
            9 => Message::End { digest: body.try_get_u128_le().map_err(|_| Malformed)? },
            10 => Message::NotSent { index: index(&mut body)? },
            11 => {
                let flags = byte(&mut body)?;
                let rest = body.len();
                Message::Line { error: flags & 1 != 0, partial: flags & 2 != 0, text: body.split_to(rest) }
            }
            12 => {
                let folder = byte(&mut body)? != 0;
                let rest = body.len();
                Message::Deleted { folder, name: body.split_to(rest) }
            }
            13 => {
                let flags = byte(&mut body)?;
                Message::Trouble {
                    general: flags & 1 != 0,
                    vanished: flags & 2 != 0,
                    delete_limit: flags & 4 != 0,
                }
            }
            14 => Message::Done,
            15 => Message::Counts {
                created: kinds(&mut body)?,
                deleted: kinds(&mut body)?,
                literal: int(&mut body)?,
                matched: int(&mut body)?,
            },
            16 => Message::Exit(byte(&mut body)?),
            17 => Message::KeepAlive,
            _ => return Err(Malformed),
        };
        if body.is_empty() { Ok(Some(message)) } else { Err(Malformed) }
    }

    fn tag(&self) -> u8 {
        match self {
            Message::Setup(_) => 1,
            Message::List(_) => 2,
            Message::ListEnd { .. } => 3,
            Message::Item { .. } => 4,
            Message::Request(_) => 5,
            Message::Begin { .. } => 6,
            Message::Literal(_) => 7,
            Message::Blocks { .. } => 8,
            Message::End { .. } => 9,
            Message::NotSent { .. } => 10,
            Message::Line { .. } => 11,
            Message::Deleted { .. } => 12,
            Message::Trouble { .. } => 13,
            Message::Done => 14,
            Message::Counts { .. } => 15,
            Message::Exit(_) => 16,
            Message::KeepAlive => 17,
        }
    }
}

#[cfg(test)]
mod tests;
