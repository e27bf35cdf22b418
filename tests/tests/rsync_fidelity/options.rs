//! Random command lines out of all the options that the model has, valid together or not.

use super::case::{Entry, Node};
use super::generate::{Draw, like};
use super::{parts, rules};

/// What most runs begin with.
const BASES: [&str; 16] = [
    "-a", "-a", "-a", "-a", "-a", "-a", "-r", "-rl", "-rt", "-rlt", "-rltp", "-rlptgoD", "-rltD", "-d",
    "-dt", "",
];
/// Options without a value, the likelier the more often they stand here.
const SWITCHES: [&str; 65] = [
    "-v",
    "-n",
    "-z",
    "-u",
    "-u",
    "-c",
    "-c",
    "-I",
    "-W",
    "--no-W",
    "-R",
    "-R",
    "-m",
    "-m",
    "-x",
    "-b",
    "-O",
    "-J",
    "-E",
    "-p",
    "-t",
    "-l",
    "-g",
    "-o",
    "-D",
    "-r",
    "--size-only",
    "--size-only",
    "--delete",
    "--delete",
    "--delete",
    "--delete-before",
    "--delete-during",
    "--del",
    "--delete-delay",
    "--delete-after",
    "--delete-excluded",
    "--ignore-errors",
    "--existing",
    "--existing",
    "--ignore-existing",
    "--ignore-existing",
    "--inplace",
    "--inplace",
    "--append",
    "--append-verify",
    "--partial",
    "--delay-updates",
    "--delay-updates",
    "--partial-dir=part",
    "--force",
    "--fsync",
    "--stats",
    "--no-i-r",
    "--no-inc-recursive",
    "--no-perms",
    "--no-t",
    "--no-l",
    "--no-o",
    "--no-implied-dirs",
    "--no-implied-dirs",
    "--ignore-existing",
    "-R",
    "-R",
    "-q",
];
/// Options with a value.
const VALUES: [&str; 46] = [
    "--max-delete=0",
    "--max-delete=1",
    "--max-delete=2",
    "--max-delete=-1",
    "--modify-window=1",
    "--modify-window=2",
    "--modify-window=-1",
    "-@1",
    "--partial-dir=part",
    "--partial-dir=.p/q",
    "--partial-dir=/GROUND/tmp",
    "--temp-dir=/GROUND/tmp",
    "--temp-dir=../tmp",
    "--temp-dir=nowhere",
    "-T../tmp",
    "--backup-dir=bak",
    "--backup-dir=../bak",
    "--backup-dir=bak/deep",
    "--backup-dir=/GROUND/bak",
    "--suffix=.old",
    "--suffix=",
    "--link-dest=../alt",
    "--link-dest=../alt",
    "--compare-dest=../alt",
    "--compare-dest=../alt",
    "--copy-dest=../alt",
    "--copy-dest=/GROUND/alt",
    "--copy-dest=../alt",
    "--link-dest=nowhere",
    "--chmod=Dg+s,ug+w,Fo-w,+X",
    "--chmod=F600",
    "--chmod=D700,F640",
    "--chmod=a=r",
    "--chmod=u+x,,D+w",
    "--timeout=60",
    "--timeout=0",
    "--timeout=x",
    "--contimeout=5",
    "--bwlimit=100m",
    "--bwlimit=1g",
    "--bwlimit=q",
    "-B1000",
    "--files-from=list",
    "--files-from=list",
    "--exclude-from=rules",
    "--include-from=rules",
];
/// Wrong options, and some that rsync knows under other names.
const WRONG: [&str; 8] = [
    "--nonsense",
    "-Q",
    "--delete=1",
    "--max-delete",
    "--times=1",
    "--archive",
    "--itemize-changes",
    "--del",
];

/// Draws a command line, and adds to `entries` what its options name.
pub fn draw(draw: &mut Draw, source: &[Entry], entries: &mut Vec<Entry>) -> Vec<Vec<u8>> {
    let mut args: Vec<String> = Vec::new();
    args.push(BASES[draw.below(BASES.len())].to_owned());
    match draw.below(20) {
        0..15 => args.push("-i".to_owned()),
        15 => args.push("-ii".to_owned()),
        16 => args.push("-iv".to_owned()),
        17 => args.push("-vv".to_owned()),
        _ => args.push("-v".to_owned()),
    }
    for _ in 0..[0, 1, 1, 2, 2, 3, 4, 6][draw.below(8)] {
        let option = match draw.below(20) {
            0..10 => SWITCHES[draw.below(SWITCHES.len())].to_owned(),
            10..14 => VALUES[draw.below(VALUES.len())].to_owned(),
            14..19 => rules::option(draw),
            _ if draw.chance(25) => WRONG[draw.below(WRONG.len())].to_owned(),
            _ => SWITCHES[draw.below(SWITCHES.len())].to_owned(),
        };
        args.push(option);
    }
    // More than two -v, and statistics with two, tell of the program's memory and processes.
    let verbosity = args[1].clone();
    let mut said = verbosity.contains('v');
    args.retain(|arg| {
        let again = arg == "-v" && std::mem::replace(&mut said, true);
        !(again || (arg == "--stats" && verbosity == "-vv"))
    });
    if verbosity == "-v" {
        args.insert(1, verbosity);
    }
    args.retain(|arg| !arg.is_empty());
    bundle(draw, &mut args);
    // Where the content goes: on this host, to another, or from another.
    let (from, to) = match draw.below(20) {
        0..14 => ("", ""),
        14..17 => ("", "host:"),
        _ => ("host:", ""),
    };
    if from != to {
        shell(draw, &mut args);
    }
    let mut words: Vec<Vec<u8>> = args.into_iter().map(String::into_bytes).collect();
    for path in sources(draw, source) {
        words.push([from.as_bytes(), &path].concat());
    }
    words.push([to.as_bytes(), &destination(draw, source)].concat());
    add_needed(draw, &words, source, entries);
    words
}

/// Sometimes letters stand together in one word, as people write them.
fn bundle(draw: &mut Draw, args: &mut Vec<String>) {
    if !draw.chance(30) {
        return;
    }
    let is_plain =
        |arg: &String| arg.starts_with('-') && arg[1..].chars().all(char::is_alphabetic) && arg.len() > 1;
    let letters: String = args.iter().filter(|arg| is_plain(arg)).map(|arg| &arg[1..]).collect();
    if !letters.is_empty() {
        args.retain(|arg| !is_plain(arg));
        args.insert(0, format!("-{letters}"));
    }
}

/// The remote shell, in one of the ways in which it can be given.
fn shell(draw: &mut Draw, args: &mut Vec<String>) {
    let bundled =
        args.first().is_some_and(|arg| arg.len() > 1 && !arg.starts_with("--") && !arg.contains('='));
    match draw.below(4) {
        0 => args.push("--rsh=../shell".to_owned()),
        1 => args.push("--rsh=../shell -i key".to_owned()),
        2 if bundled && args[0][1..].chars().all(char::is_alphabetic) => {
            args[0].push('e');
            args.insert(1, "../shell -i 'k e y'".to_owned());
        }
        _ => args.extend(["-e".to_owned(), "../shell".to_owned()]),
    }
}

fn sources(draw: &mut Draw, source: &[Entry]) -> Vec<Vec<u8>> {
    let some = |draw: &mut Draw| source[draw.below(source.len())].clone();
    match draw.below(20) {
        0..12 => vec![b"src/".to_vec()],
        12..14 => vec![b"src".to_vec()],
        14 => vec![b"src/.".to_vec()],
        15 => {
            let entry = some(draw);
            let slash: &[u8] = if entry.node == Node::Folder && draw.chance(50) { b"/" } else { b"" };
            vec![[&entry.path, slash].concat()]
        }
        16 => vec![some(draw).path, some(draw).path],
        17 => vec![b"src/".to_vec(), some(draw).path],
        18 => vec![[b"src/./", &some(draw).path[3..]].concat().to_vec(), b"src/a".to_vec()],
        _ => vec![b"missing".to_vec(), b"src/".to_vec()],
    }
}

fn destination(draw: &mut Draw, source: &[Entry]) -> Vec<u8> {
    match draw.below(20) {
        0..12 => b"dst/".to_vec(),
        12..16 => b"dst".to_vec(),
        16 => b"new".to_vec(),
        17 => b"new/deep/".to_vec(),
        18 => b"dst/new".to_vec(),
        _ => [b"dst", &source[draw.below(source.len())].path[3..]].concat(),
    }
}

/// Files and folders that options name.
fn add_needed(draw: &mut Draw, words: &[Vec<u8>], source: &[Entry], entries: &mut Vec<Entry>) {
    let names = |text: &str| words.iter().any(|word| String::from_utf8_lossy(word).contains(text));
    let plain = |path: &str, node: Node| Entry {
        path: path.as_bytes().to_vec(),
        node,
        mode: 0o755,
        owner: 0,
        mtime_ns: 1_000_000_000_000_000_000,
    };
    if names("alt") {
        entries.extend(like(draw, source, b"alt"));
    }
    if names("tmp") && !draw.chance(5) {
        entries.push(plain("tmp", Node::Folder));
    }
    if names("files-from") {
        let mut text = Vec::new();
        for _ in 0..1 + draw.below(4) {
            let name = &source[draw.below(source.len())].path[3..];
            text.extend_from_slice(if draw.chance(50) {
                name
            } else {
                name.strip_prefix(b"/").unwrap_or(b".")
            });
            text.extend_from_slice([b"\n".as_slice(), b"/\n", b"\n# c\n", b"\nmissing\n"][draw.below(4)]);
        }
        entries.push(plain("list", Node::Text(text)));
    }
    parts::add(draw, words, source, entries);
    rules::add_files(draw, words, entries);
}
