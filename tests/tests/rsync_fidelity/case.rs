//! One case: the files that are there, and the command line; and the text in which a case is kept.
//!
//! A case's text is a line for each word group, words parted by spaces, bytes that would confuse escaped:
//!
//! ```text
//! # why it is kept
//! args -ai --delete src/ dst/
//! d 755 1000000000.000000000 src
//! f 644 1000000001.500000000 src/a 100*1+20*0
//! l 777 1000000000.000000000 src/b a
//! p 644 1000000000.000000000 src/pipe
//! t 644 1000000000.000000000 list a\nb\n
//! ```
//!
//! `100*1` is 100 bytes that follow from the number 1; number 0 gives zeros.

use std::fmt;

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Folder,
    /// A file, from pieces of so many bytes that follow from a number.
    File(Vec<(u32, u32)>),
    /// A file with these bytes.
    Text(Vec<u8>),
    /// A symlink with its target.
    Symlink(Vec<u8>),
    /// A named pipe.
    Pipe,
}

/// A name with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the ground of the case.
    pub path: Vec<u8>,
    pub node: Node,
    pub mode: u32,
    /// Owner and group, as one number for both; 0 is root.
    pub owner: u32,
    /// Nanoseconds since 1970.
    pub mtime_ns: i64,
}

/// A case: rsync is called with `args` in a folder that holds `entries`, each after the folder that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Case {
    pub title: String,
    pub args: Vec<Vec<u8>>,
    pub entries: Vec<Entry>,
}

const SECOND_NS: i64 = 1_000_000_000;

impl Entry {
    /// One of root's that everybody may enter, of a time long ago.
    pub fn plain(path: &str, node: Node) -> Self {
        let path = path.as_bytes().to_vec();
        Self { path, node, mode: 0o755, owner: 0, mtime_ns: 1_000_000_000 * SECOND_NS }
    }
}

impl Node {
    /// A file's bytes.
    pub fn content(pieces: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &(length, number) in pieces {
            let mut state = number.wrapping_mul(0x9e37_79b9) | 1;
            bytes.extend((0..length).map(|_| {
                // Marsaglia's xorshift: cheap, and no two numbers give the same bytes for long.
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                if number == 0 { 0 } else { (state >> 11) as u8 }
            }));
        }
        bytes
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.title)?;
        write!(f, "args")?;
        for arg in &self.args {
            write!(f, " {}", word(arg))?;
        }
        for entry in &self.entries {
            let (letter, rest) = match &entry.node {
                Node::Folder => ('d', String::new()),
                Node::Pipe => ('p', String::new()),
                Node::Symlink(target) => ('l', format!(" {}", word(target))),
                Node::Text(text) => ('t', format!(" {}", word(text))),
                Node::File(pieces) => {
                    let pieces: Vec<_> =
                        pieces.iter().map(|(length, number)| format!("{length}*{number}")).collect();
                    ('f', format!(" {}", if pieces.is_empty() { "-".to_owned() } else { pieces.join("+") }))
                }
            };
            let owner = if entry.owner == 0 { String::new() } else { format!(":{}", entry.owner) };
            let (seconds, nanos) =
                (entry.mtime_ns.div_euclid(SECOND_NS), entry.mtime_ns.rem_euclid(SECOND_NS));
            let path = word(&entry.path);
            write!(f, "\n{letter} {:o}{owner} {seconds}.{nanos:09} {path}{rest}", entry.mode)?;
        }
        writeln!(f)
    }
}

impl Case {
    /// The cases of a text, parted by empty lines.
    ///
    /// # Errors
    /// The line that is none of the format's.
    pub fn read_all(text: &str) -> Result<Vec<Case>, String> {
        let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
        blocks.map(Case::read).collect()
    }

    fn read(block: &str) -> Result<Case, String> {
        let mut case = Case::default();
        for line in block.lines() {
            let wrong = || format!("not a line of a case: {line}");
            if let Some(title) = line.strip_prefix('#') {
                title.trim().clone_into(&mut case.title);
                continue;
            }
            let mut words = line.split(' ');
            let first = words.next().ok_or_else(wrong)?;
            if first == "args" {
                case.args = words.map(bytes).collect::<Option<_>>().ok_or_else(wrong)?;
                continue;
            }
            let entry = read_entry(first, &words.collect::<Vec<_>>()).ok_or_else(wrong)?;
            case.entries.push(entry);
        }
        Ok(case)
    }
}

fn read_entry(letter: &str, words: &[&str]) -> Option<Entry> {
    let (mode, owner) = words.first()?.split_once(':').unwrap_or((words.first()?, "0"));
    let (seconds, nanos) = words.get(1)?.split_once('.')?;
    if words.len() > 4 {
        return None;
    }
    let node = match (letter, words.get(3)) {
        ("d", None) => Node::Folder,
        ("p", None) => Node::Pipe,
        ("l", Some(target)) => Node::Symlink(bytes(target)?),
        ("t", Some(text)) => Node::Text(bytes(text)?),
        ("f", Some(&"-")) => Node::File(Vec::new()),
        ("f", Some(pieces)) => {
            let piece = |piece: &str| {
                let (length, number) = piece.split_once('*')?;
                Some((length.parse().ok()?, number.parse().ok()?))
            };
            Node::File(pieces.split('+').map(piece).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(Entry {
        path: bytes(words.get(2)?)?,
        node,
        mode: u32::from_str_radix(mode, 8).ok()?,
        owner: owner.parse().ok()?,
        mtime_ns: seconds.parse::<i64>().ok()? * SECOND_NS + nanos.parse::<i64>().ok()?,
    })
}

/// Bytes as one word of a line.
pub fn word(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "''".to_owned();
    }
    bytes.escape_ascii().to_string().replace(' ', "\\x20")
}

/// The bytes of a word.
fn bytes(word: &str) -> Option<Vec<u8>> {
    if word == "''" {
        return Some(Vec::new());
    }
    let mut found = Vec::new();
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            found.push(byte);
            continue;
        }
        found.push(match rest.next()? {
            b't' => b'\t',
            b'n' => b'\n',
            b'r' => b'\r',
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    Some(found)
}
