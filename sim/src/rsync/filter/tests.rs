use proptest::prelude::*;

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;

use super::*;
use crate::disk::errno;

/// Files by their paths, as one process reads them.
struct Files(BTreeMap<&'static str, &'static str>);

impl Files {
    fn of(files: &[(&'static str, &'static str)]) -> Self {
        Self(files.iter().copied().collect())
    }

    fn reading<T>(&self, work: impl FnOnce(&Reading<'_>) -> T) -> T {
        let open = |path: &[u8]| -> io::Result<Bytes> {
            let found = std::str::from_utf8(path).ok().and_then(|path| self.0.get(path));
            found.map(|text| Bytes::from_static(text.as_bytes())).ok_or_else(|| errno::error(errno::ENOENT))
        };
        let (role, nul, delete_excluded) = ("client", false, false);
        work(&Reading { open: &open, say: &|_| {}, role, nul, delete_excluded })
    }

    fn rules(&self, texts: &[&str]) -> Result<Vec<Rule>, String> {
        self.reading(|reading| {
            let mut list = RuleList::default();
            for text in texts {
                list.add_rule(text.as_bytes(), reading).map_err(said)?;
            }
            Ok(list.0)
        })
    }

    /// The sender's filters with the files of these folders read, one in the other.
    fn within(&self, texts: &[&str], folders: &[&str]) -> Filters {
        let mut filters = Filters::new(&self.rules(texts).unwrap(), Side::Sender, false);
        filters.set_base(b"/src");
        for folder in folders {
            self.reading(|reading| filters.enter(folder.as_bytes(), reading)).unwrap();
        }
        filters
    }
}

fn said(error: RuleError) -> String {
    match error {
        RuleError::Wrong { line, .. } => String::from_utf8(line).unwrap(),
        RuleError::NotModelled(what) => format!("not modelled: {what}"),
    }
}

fn rules(texts: &[&str]) -> Vec<Rule> {
    Files::of(&[]).rules(texts).unwrap()
}

fn wrong(text: &str) -> String {
    Files::of(&[]).rules(&[text]).unwrap_err()
}

fn excludes(texts: &[&str], name: &str, is_folder: bool) -> bool {
    Filters::new(&rules(texts), Side::Sender, false).excludes(name.as_bytes(), is_folder, false)
}

#[test]
fn a_pattern_without_slashes_matches_the_last_part_anywhere() {
    assert!(excludes(&["- *.bak"], "a/b/c.bak", false));
    assert!(!excludes(&["- *.bak"], "a/c.bak/d", false));
    assert!(excludes(&["- b/c"], "a/b/c", false));
    assert!(!excludes(&["- /b/c"], "a/b/c", false));
    assert!(excludes(&["- /a/*/c"], "a/b/c", false));
    assert!(!excludes(&["- /a/*/c"], "a/b/d/c", false));
    assert!(excludes(&["- /a/**/c"], "a/b/d/c", false));
    assert!(!excludes(&["- tmp/"], "a/tmp", false));
    assert!(excludes(&["- tmp/"], "a/tmp", true));
    assert!(excludes(&["- cache/***"], "x/cache", true));
    assert!(excludes(&["- cache/***"], "x/cache/y/z", false));
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = ["+ *.xml", "- *"];
    assert!(!excludes(&rules, "api/a.xml", false));
    assert!(excludes(&rules, "api/a.txt", false));
    assert!(excludes(&["-! *.xml"], "a.txt", false));
    assert!(!excludes(&["-! *.xml"], "a.xml", false));
    assert!(!excludes(&["- a", "!", "- b"], "a", false));
}

#[test]
fn sets_and_escapes_are_read_as_a_shell_does() {
    for (pattern, text, fits) in [
        ("[a-c]x", "bx", true),
        ("[!a-c]x", "bx", false),
        ("[]]", "]", true),
        ("[[:digit:]]*", "7up", true),
        ("a\\*", "a*", true),
        ("a\\*", "ab", false),
        ("[a", "a", false),
        ("**", "a/b", true),
        ("*", "a/b", false),
        ("a*b*c", "axxbyyc", true),
        ("a**b/*c", "a/x/b/yc", true),
    ] {
        assert_eq!(wildmatch::matches(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
    }
}

#[test]
fn a_wrong_rule_is_named_as_rsync_names_it() {
    for (text, line) in [
        ("zz", "Unknown filter rule: zz"),
        (" - a", "Unknown filter rule:  - a"),
        ("--zzz", "invalid modifier '-' at position 1 in filter rule: --zzz"),
        ("risk,s x", "invalid modifier 's' at position 5 in filter rule: risk,s x"),
        ("HC x", "invalid modifier 'C' at position 1 in filter rule: HC x"),
        (".-+ x", "invalid modifier '+' at position 2 in filter rule: .-+ x"),
        (":! x", "invalid modifier '!' at position 1 in filter rule: :! x"),
        ("-_", "unexpected end of filter rule: -_"),
        ("dir-merge", "unexpected end of filter rule: dir-merge"),
        ("clear x", "'!' rule has trailing characters: clear x"),
        (". nowhere", "rsync: [client] failed to open exclude file nowhere: No such file or directory (2)"),
        (".+ nowhere", "rsync: [client] failed to open include file nowhere: No such file or directory (2)"),
    ] {
        assert_eq!(wrong(text), line);
    }
}

#[test]
fn what_a_file_holds_is_not_shown_only_where_it_stands() {
    let files = Files::of(&[
        ("bad", "- a\n\n# b\nzz\n"),
        ("names", "\n. bad\n"),
        ("deep", ". names\n"),
        ("gone", ". nowhere\n"),
        ("words", "-_a zz"),
        ("sided", "P a\n"),
        ("modifier", "-e a\n"),
    ]);
    for (text, line) in [
        (". bad", "Unknown filter rule: <rule from bad line 4>"),
        (". names", "Unknown filter rule: <rule from a file named at names line 2>"),
        (". deep", "Unknown filter rule: <rule from a file named at a file named at deep line 1>"),
        (". gone", "failed to open exclude file <rule from gone line 1>"),
        (".w words", "Unknown filter rule: <rule from words>"),
        (".s sided", "specified-side merge file contains specified-side filter: <rule from sided line 1>"),
        (". modifier", "invalid modifier in filter rule: <rule from modifier line 1>"),
    ] {
        assert_eq!(files.rules(&[text]).unwrap_err(), line, "{text}");
    }
}

#[test]
fn a_file_that_names_itself_ends_where_rsync_ends() {
    let files = Files::of(&[("self", ". self")]);
    let line = files.rules(&[". self"]).unwrap_err();
    assert!(
        line.starts_with("[client] merge-file include depth limit (32) exceeded at <rule from "),
        "{line}"
    );
    assert_eq!(line.matches("a file named at ").count(), 31);
}

#[test]
fn files_that_name_one_another_again_and_again_are_refused_not_read_for_ever() {
    let names: Vec<String> = (0..30).map(|number| format!("f{number}")).collect();
    let files = names.windows(2).map(|pair| (leaked(&pair[0]), leaked(&format!(". {0}\n. {0}\n", pair[1]))));
    let files: Vec<_> = files.chain([("f29", "- a")]).collect();
    let line = Files::of(&files).rules(&[". f0"]).unwrap_err();
    assert_eq!(line, "not modelled: more than 100,000 rules of one file");
}

fn leaked(text: &str) -> &'static str {
    text.to_owned().leak()
}

#[test]
fn protection_holds_on_the_receiver_only() {
    let protects = rules(&["P *.keep"]);
    assert!(Filters::new(&protects, Side::Receiver, true).excludes(b"a.keep", false, false));
    assert!(Filters::new(&protects, Side::Sender, true).is_empty());
    assert!(Filters::new(&rules(&["- *.keep"]), Side::Receiver, true).is_empty());
}

#[test]
fn a_rule_of_a_folder_is_anchored_there_and_inherited_below() {
    let files = Files::of(&[("/src/a/.f", "- /x\n- *.o\n"), ("/src/a/b/.f", "+ y.o\n- /x\n")]);
    let in_a = files.within(&[": .f"], &[".", "a"]);
    assert!(in_a.excludes(b"a/x", false, false) && in_a.excludes(b"a/y.o", false, false));
    let in_b = files.within(&[": .f"], &[".", "a", "a/b"]);
    assert!(in_b.excludes(b"a/b/x", false, false) && in_b.excludes(b"a/b/z.o", false, false));
    assert!(!in_b.excludes(b"a/b/y.o", false, false), "the folder's own rules come first");
    assert!(!in_b.excludes(b"a/b/c/x", false, false));
}

#[test]
fn modifiers_of_a_folders_file_stop_inheritance_and_exclude_it() {
    let files = Files::of(&[("/src/.f", "- x\n"), ("/src/b/.f", "!\n- y\n")]);
    let inherited = files.within(&[":e .f"], &[".", "a"]);
    assert!(inherited.excludes(b"a/x", false, false) && inherited.excludes(b"a/.f", false, false));
    assert!(!files.within(&[":n .f"], &[".", "a"]).excludes(b"a/x", false, false));
    let cleared = files.within(&[": .f"], &[".", "b"]);
    assert!(!cleared.excludes(b"b/x", false, false) && cleared.excludes(b"b/y", false, false));
}

#[test]
fn a_name_with_a_slash_is_looked_for_above_the_transfer() {
    let files = Files::of(&[("/.f", "- x\n"), ("/src/.f", "- y\n")]);
    let filters = files.within(&[": /.f"], &["."]);
    assert!(filters.excludes(b"x", false, false) && filters.excludes(b"y", false, false));
    assert!(!files.within(&[": .f"], &["."]).excludes(b"x", false, false));
}

#[test]
fn leaving_a_folder_restores_what_was_before() {
    let files = Files::of(&[("/src/a/.f", ": .g\n- x\n"), ("/src/a/.g", "- y\n")]);
    let mut filters = files.within(&[": .f"], &["."]);
    let saved = files.reading(|reading| filters.enter(b"a", reading)).unwrap();
    assert!(filters.excludes(b"a/x", false, false) && filters.excludes(b"a/y", false, false));
    filters.leave(saved);
    assert!(!filters.excludes(b"a/x", false, false) && !filters.excludes(b"a/y", false, false));
}

#[test]
fn cvs_ignores_by_words_and_its_own_list_is_perishable() {
    let files = Files::of(&[("/src/.cvsignore", "one  two\n! #three")]);
    let filters = files.within(&[":C", "-C"], &["."]);
    assert!(!filters.excludes(b"one", false, false), "a lone ! forgets what stood before it");
    assert!(filters.excludes(b"#three", false, false));
    assert!(filters.excludes(b"x.o", false, false) && !filters.excludes(b"x.o", false, true));
    assert!(filters.excludes(b".git", true, false) && !filters.excludes(b".git", false, false));
}

#[test]
fn absolute_rules_see_the_whole_path() {
    let filters = Files::of(&[]).within(&["-/ /src/a", "-/ src/b", "- /c"], &[]);
    for name in [&b"a"[..], b"b", b"c"] {
        assert!(filters.excludes(name, false, false));
    }
    assert!(!filters.excludes(b"d/a", false, false));
}

proptest! {
    #[test]
    fn no_rule_makes_the_parser_or_the_matcher_panic(text in prop::collection::vec(any::<u8>(), 0..40), name in "[a-c/*]{0,12}") {
        Files::of(&[]).reading(|reading| {
            let mut list = RuleList::default();
            let _ = list.add_rule(&text, reading);
            let _ = list.add_pattern(&text, true, reading);
            let filters = Filters::new(&list.0, Side::Sender, false);
            filters.excludes(name.as_bytes(), false, false);
        });
        wildmatch::matches(&text, name.as_bytes());
    }

    #[test]
    fn no_file_of_a_folder_makes_the_reader_panic(text in "[-+:.!CHPnwe/ a-c\n]{0,60}", name in "[a-c/]{0,8}") {
        let files = Files::of(&[("/src/.f", leaked(&text)), ("a", leaked(&text)), ("/src/b", "- c\n")]);
        let mut filters = Filters::new(&files.rules(&[": .f"]).unwrap(), Side::Sender, false);
        filters.set_base(b"/src");
        files.reading(|reading| {
            let _ = filters.enter(b".", reading);
            let _ = filters.enter(b"a", reading);
        });
        filters.excludes(name.as_bytes(), true, true);
    }

    #[test]
    fn a_pattern_without_wildcards_matches_itself(name in "[a-z]{1,5}(/[a-z]{1,5}){0,3}") {
        prop_assert!(wildmatch::matches(name.as_bytes(), name.as_bytes()));
        prop_assert!(wildmatch::matches(b"**", name.as_bytes()));
    }
}
