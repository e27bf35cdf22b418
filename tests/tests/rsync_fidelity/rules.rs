//! Random filter rules: options that give them, and the files that these name, in the trees and beside them.

use super::case::{Entry, Node};
use super::generate::Draw;

/// Patterns of filter rules.
const PATTERNS: [&str; 32] = [
    "a",
    "b",
    "/a",
    "/a/b",
    "a/",
    "b/",
    "*.txt",
    "*",
    "*/",
    "a*",
    "**/c",
    "a/**",
    "/a/***",
    "[ab]",
    "[!a]",
    "?",
    "a/b",
    "- a",
    "+ b",
    "!",
    "/*",
    "b.*",
    "**",
    "c\\d",
    "/b",
    "/c/",
    "c",
    "/GROUND/src/a",
    "src/b",
    "/GROUND/dst/c",
    ".*",
    "b/c",
];
/// What stands before a pattern in `--filter`.
const RULES: [&str; 34] = [
    "- ", "- ", "- ", "+ ", "+ ", "P ", "R ", "H ", "S ", "-_", "exclude ", "include ", "protect ", "risk ",
    "show ", "hide ", "-! ", "-p ", "-s ", "-r ", "+r ", "+! ", "-/ ", "+/ ", "-sp ", "-rp! ", "-sr ",
    "P,p ", "-x ", "+,p ", "-/! ", "x ", "-,", "hide,",
];
/// Of those, how many say no side.
const PLAIN: usize = 5;
/// And how many no rsync refuses.
const SOUND: usize = 31;
/// Options that name a file which each folder may have.
const OF_FOLDERS: [&str; 30] = [
    "-F",
    "-F",
    "-FF",
    "-C",
    "-C",
    "--filter=: .f",
    "--filter=: .f",
    "--filter=: .f",
    "--filter=:_.f",
    "--filter=dir-merge .f",
    "--filter=:n .f",
    "--filter=:e .f",
    "--filter=:- .f",
    "--filter=:+ .f",
    "--filter=:w .f",
    "--filter=:s .f",
    "--filter=:r .f",
    "--filter=:p .f",
    "--filter=:/ .f",
    "--filter=:C",
    "--filter=:C .f",
    "--filter=-C",
    "--filter=dir-merge,en- .f",
    "--filter=:nw+ .f",
    "--filter=: /GROUND/.f",
    "--filter=: /GROUND/src/.f",
    "--filter=: ../.f",
    "--filter=:n ../.f",
    "--filter=:x .f",
    "--filter=: .f/",
];
/// Modifiers of a merge rule.
const MODIFIERS: [&str; 18] =
    ["", "", "", "", "-", "+", "w", "C", "s", "r", "p", "e", "n", "/", "-w", "sp", "-n", "z"];

/// How a file of rules is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A rule a line.
    Lines,
    /// Rules parted by white space.
    Words,
    /// Patterns parted by white space.
    Bare,
}

/// An option that gives rules.
pub fn option(draw: &mut Draw) -> String {
    let pattern = pattern(draw);
    match draw.below(20) {
        0..5 => format!("--exclude={pattern}"),
        5..7 => format!("--include={pattern}"),
        7..9 => {
            let (word, modifiers) = (draw.pick(&[".", "merge,"]), MODIFIERS[draw.below(MODIFIERS.len())]);
            format!("--filter={word}{modifiers} rules2")
        }
        9 => draw
            .pick(&["--filter=. nowhere", "--filter=!", "--filter=clear", "--filter=! a", "-0"])
            .to_owned(),
        10..14 => format!("--filter={}{pattern}", RULES[draw.below(RULES.len())]),
        _ => OF_FOLDERS[draw.below(OF_FOLDERS.len())].to_owned(),
    }
}

/// A pattern.
pub fn pattern(draw: &mut Draw) -> &'static str {
    PATTERNS[draw.below(PATTERNS.len())]
}

/// Adds the files that the rules of a command line name, those of folders included.
pub fn add_files(draw: &mut Draw, words: &[Vec<u8>], entries: &mut Vec<Entry>) {
    let names = |text: &str| words.iter().any(|word| String::from_utf8_lossy(word).contains(text));
    let text = |path: &str, text: String| Entry::plain(path, Node::Text(text.into_bytes()));
    if names("-from=rules") {
        let content = format!("{}\n# comment\n\n; comment\n{}\n", pattern(draw), pattern(draw));
        entries.push(text("rules", content));
    }
    if names(" rules2") {
        let more = match draw.below(10) {
            0 => ". rules3\n",
            1 => ": .f\n",
            2 => "dir-merge,n .f\n",
            3 => ":C\n",
            4 => "-C\n",
            5 => "!\n",
            6 => "\n; comment\n. nowhere\n",
            _ => "",
        };
        let content = format!("{}\n# comment\n{more}{}", lines(draw, 2), lines(draw, 1));
        entries.push(text("rules2", content));
        let content = lines(draw, 2);
        entries.push(text("rules3", content));
    }
    let is_letters = |word: &&Vec<u8>| word.starts_with(b"-") && !word.starts_with(b"--");
    let has_letter = |letter: u8| words.iter().filter(is_letters).any(|word| word.contains(&letter));
    // Of several rules for one file the first one says how it is read.
    let first = words.iter().map(|word| String::from_utf8_lossy(word)).find(|word| word.contains(".f"));
    let says = |what: &[&str]| first.as_ref().is_some_and(|word| what.iter().any(|what| word.contains(what)));
    let style = match () {
        () if says(&[":-", ":+", "en-", "w+", ":C"]) => Style::Bare,
        () if says(&[":w"]) => Style::Words,
        () => Style::Lines,
    };
    let is_sure = style == Style::Lines || !names(" rules2");
    for (name, named) in [
        (".rsync-filter", has_letter(b'F')),
        (".cvsignore", has_letter(b'C') || names(":C") || names("rules2")),
        (".f", names(".f") || names("rules2")),
    ] {
        let style = match name {
            ".cvsignore" => Style::Bare,
            ".f" => style,
            _ => Style::Lines,
        };
        if named && (name != ".f" || is_sure) {
            add_to_folders(draw, name, style, words, entries);
        }
    }
}

/// Puts a file of rules into some folders of the trees, and sometimes above them.
fn add_to_folders(draw: &mut Draw, name: &str, style: Style, words: &[Vec<u8>], entries: &mut Vec<Entry>) {
    let folders: Vec<Vec<u8>> = entries
        .iter()
        .filter(|entry| entry.node == Node::Folder && !entry.path.starts_with(b"tmp"))
        .map(|entry| entry.path.clone())
        .collect();
    let one_sided = words.iter().any(|word| is_one_sided(word));
    // With -R the folder that is copied is not the first of the list.
    let is_relative = words.iter().any(|word| {
        let is_bundle = word.starts_with(b"-") && !word.starts_with(b"--");
        word.starts_with(b"--files-from") || (is_bundle && word.contains(&b'R'))
    });
    let copies_source = !is_relative && words.iter().any(|word| word.ends_with(b"src/"));
    let often = [20, 50, 80][draw.below(3)];
    for folder in folders.iter().map(Vec::as_slice).chain([b"".as_slice()]) {
        let is_root = folder == b"src" || folder == b"dst";
        if !draw.chance(if is_root { 80 } else { often }) {
            continue;
        }
        let count = 1 + draw.below(3);
        let mut content = match style {
            Style::Bare => tokens(draw, count, ""),
            Style::Words => tokens(draw, count, "-_"),
            // A rule that breaks deeper down is met in the order in which the disk lists folders.
            Style::Lines if one_sided && !(folder == b"src" && copies_source) => plain_lines(draw, count),
            Style::Lines => lines(draw, count),
        };
        if folder == b"src" && style == Style::Lines && copies_source {
            content.push_str(match draw.below(30) {
                0 => "zz\n",
                1 => "- a\n-e x\n",
                2 => ". .g\n",
                3 => ". sub/.g\n",
                4 => "P,r x\n",
                _ => "",
            });
        }
        if is_root && style == Style::Lines && draw.chance(15) {
            content.push_str(draw.pick(&[": .g\n", ":n .g\n", ":- .g\n", "-C\n", ":C\n"]));
        }
        let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
        let path = [folder, slash, name.as_bytes()].concat();
        let seconds = 1_000_000_000 + draw.below(3) as i64;
        let node = Node::Text(content.into_bytes());
        entries.push(Entry { path, node, mode: 0o644, owner: 0, mtime_ns: seconds * 1_000_000_000 });
        if draw.chance(30) {
            let path = [folder, slash, b".g"].concat();
            if !entries.iter().any(|entry| entry.path == path) {
                let node = Node::Text(plain_lines(draw, 1).into_bytes());
                entries.push(Entry {
                    path,
                    node,
                    mode: 0o644,
                    owner: 0,
                    mtime_ns: 1_000_000_000_000_000_000,
                });
            }
        }
    }
}

/// Whether a word names files of folders that may say no side, also by way of `rules2`.
fn is_one_sided(word: &[u8]) -> bool {
    let Some(rule) = word.strip_prefix(b"--filter=") else { return false };
    let merges = [&b"."[..], b"merge,"].into_iter().find_map(|name| rule.strip_prefix(name));
    match merges.and_then(|rest| rest.strip_suffix(b" rules2")) {
        Some(modifiers) => modifiers.iter().any(|letter| matches!(letter, b's' | b'r')),
        None => rule.starts_with(b":s") || rule.starts_with(b":r"),
    }
}

/// Rules, a line each.
fn lines(draw: &mut Draw, count: usize) -> String {
    let line = |draw: &mut Draw| match draw.below(12) {
        0 => "!\n".to_owned(),
        1 => "\n# comment\n".to_owned(),
        _ => format!("{}{}\n", RULES[draw.below(SOUND)], pattern(draw)),
    };
    (0..count).map(|_| line(draw)).collect()
}

/// Rules that say no side, a line each.
fn plain_lines(draw: &mut Draw, count: usize) -> String {
    (0..count).map(|_| format!("{}{}\n", RULES[draw.below(PLAIN)], pattern(draw))).collect()
}

/// Patterns parted by white space, with this before each.
fn tokens(draw: &mut Draw, count: usize, before: &str) -> String {
    (0..count)
        .map(|_| match draw.below(8) {
            0 => "!\n".to_owned(),
            _ => {
                let pattern = pattern(draw).replace(' ', "");
                format!("{before}{pattern}{}", draw.pick(&["\n", " ", "\t", "\r\n", "  "]))
            }
        })
        .collect()
}
