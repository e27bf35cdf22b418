//! The path of a request as nginx's locations see it: decoded, with `//`, `.` and `..` resolved.

use std::borrow::Cow;

/// Characters that may stand in a path as they are (RFC 3986, `pchar` and `/`).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

/// The normalised path, or nothing when nginx answers 400: a broken escape, a zero byte, or a `..` that leaves
/// the root. Bytes that are not UTF-8 become the replacement character.
pub(super) fn normalise(path: &str) -> Option<Cow<'_, str>> {
    if !path.starts_with('/') {
        return None;
    }
    if !path.contains('%') && !path.contains("//") && !path.contains("/.") {
        return Some(Cow::Borrowed(path));
    }
    let decoded = decode(path.as_bytes())?;
    let mut segments: Vec<&[u8]> = Vec::new();
    let parts: Vec<&[u8]> = decoded[1..].split(|&byte| byte == b'/').collect();
    let last = parts.len() - 1;
    for (index, &part) in parts.iter().enumerate() {
        match part {
            b".." => {
                segments.pop()?;
            }
            b"" | b"." => {}
            _ => {
                segments.push(part);
                continue;
            }
        }
        if index == last {
            // What ends in a folder ends in a slash.
            segments.push(b"");
        }
    }
    let mut normal = Vec::with_capacity(decoded.len());
    for segment in &segments {
        normal.push(b'/');
        normal.extend_from_slice(segment);
    }
    if normal.is_empty() {
        normal.push(b'/');
    }
    Some(Cow::Owned(String::from_utf8_lossy(&normal).into_owned()))
}

/// A decoded path as it can stand in a request line.
pub(super) fn escape(path: &str) -> Cow<'_, str> {
    if path.bytes().all(is_plain) {
        return Cow::Borrowed(path);
    }
    let mut escaped = String::with_capacity(path.len() + 8);
    for byte in path.bytes() {
        if is_plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(escaped)
}

fn decode(path: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(&byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || char::from(*bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            u8::try_from(high * 16 + low).expect("two hexadecimal digits")
        } else {
            byte
        };
        if byte == 0 {
            return None;
        }
        decoded.push(byte);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_decoded_and_resolved() {
        for (path, normal) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a//b", "/a/b"),
            ("//", "/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/.hidden", "/.hidden"),
            ("/%61%2Fb", "/a/b"),
            ("/a%20b", "/a b"),
        ] {
            assert_eq!(normalise(path).as_deref(), Some(normal), "{path}");
        }
    }

    #[test]
    fn what_nginx_refuses_is_refused() {
        for path in ["", "*", "a", "/..", "/a/../..", "/%", "/%4", "/%zz", "/%00"] {
            assert_eq!(normalise(path), None, "{path}");
        }
    }

    #[test]
    fn a_decoded_path_is_escaped_again() {
        assert_eq!(escape("/a b?c%"), "/a%20b%3Fc%25");
    }

    proptest! {
        #[test]
        fn a_normal_path_stays_as_it_is(path in "/[a-c/.%0-9]{0,12}") {
            if let Some(normal) = normalise(&path) {
                prop_assert!(normal.starts_with('/'));
                prop_assert!(!normal.contains("//") && !normal.contains("/../"), "{normal}");
            }
        }

        #[test]
        fn an_escaped_path_decodes_to_itself(path in "/[^/.\\x00]{1,12}") {
            let escaped = escape(&path);
            let decoded = normalise(&escaped);
            prop_assert_eq!(decoded.as_deref(), Some(path.as_str()));
        }
    }
}
