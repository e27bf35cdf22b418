use proptest::prelude::*;

use super::*;
use crate::disk::Kind;
use crate::rsync::file_list::Entry;

fn any_entry() -> impl Strategy<Value = Entry> {
    let kind = prop::sample::select(vec![
        Kind::File,
        Kind::Folder,
        Kind::Symlink,
        Kind::Fifo,
        Kind::Socket,
        Kind::CharDevice(1, 300),
        Kind::BlockDevice(8, 1),
    ]);
    let name = "[a-z]{1,9}(/[a-z]{1,9}){0,3}";
    (
        name,
        kind,
        0u32..0o10000,
        any::<(u64, i64, u32, u32)>(),
        any::<Option<u128>>(),
        any::<(bool, bool, bool, bool)>(),
    )
        .prop_map(|(name, kind, mode, (size, mtime_ns, uid, gid), checksum, flags)| {
            let (content, unreadable, implied, top) = flags;
            Entry {
                name: Bytes::from(name.clone()),
                kind,
                mode,
                size,
                mtime_ns,
                uid,
                gid,
                target: if kind == Kind::Symlink { Bytes::from(name) } else { Bytes::new() },
                checksum,
                content,
                unreadable,
                implied,
                top,
                root: 0,
            }
        })
}

proptest! {
    #[test]
    fn a_list_arrives_as_it_was_sent(entries in prop::collection::vec(any_entry(), 0..30), piece in 1usize..500) {
        let mut arrived = Vec::new();
        for piece in encode_list(&entries, piece) {
            decode_list(piece, &mut arrived).unwrap();
        }
        prop_assert_eq!(arrived, entries);
    }

    #[test]
    fn bytes_that_are_no_message_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Some(_)) = Message::decode(&mut buffer) {}
        let _ = decode_list(Bytes::from(bytes), &mut Vec::new());
    }

    #[test]
    fn a_request_arrives_as_it_was_sent(content in prop::collection::vec(any::<u8>(), 0..4000), index in any::<u32>()) {
        let request = Request {
            index,
            changes: Changes::TRANSFER | Changes::SIZE,
            signature: Signature::of(&content, None, false),
            append: true,
            in_place: false,
        };
        let mut bytes = Vec::new();
        Message::Request(request.clone()).encode(&mut bytes);
        let mut buffer = BytesMut::from(&bytes[..]);
        prop_assert_eq!(Message::decode(&mut buffer), Ok(Some(Message::Request(request))));
        prop_assert!(buffer.is_empty());
    }
}

#[test]
fn a_name_that_leads_out_of_the_destination_is_refused() {
    for name in ["../x", "a/../../x", "/etc/passwd", "a//b", ""] {
        let mut entry = any_entry_named(name);
        entry.kind = Kind::File;
        let pieces = encode_list(&[entry], 100);
        assert_eq!(decode_list(pieces[0].clone(), &mut Vec::new()), Err(Malformed), "{name}");
    }
}

fn any_entry_named(name: &str) -> Entry {
    Entry {
        name: Bytes::copy_from_slice(name.as_bytes()),
        kind: Kind::File,
        mode: 0o644,
        size: 1,
        mtime_ns: 1,
        uid: 0,
        gid: 0,
        target: Bytes::new(),
        checksum: None,
        content: false,
        unreadable: false,
        implied: false,
        top: false,
        root: 0,
    }
}
