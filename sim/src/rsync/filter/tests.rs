use proptest::prelude::*;

use super::*;

fn excludes(rules: &[&str], name: &str, is_folder: bool) -> bool {
    let rules: Vec<_> = rules.iter().map(|rule| parse_rule(rule.as_bytes()).unwrap()).collect();
    Filters::new(&rules, Side::Sender, false).excludes(name.as_bytes(), is_folder, false)
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
    assert_eq!(parse_rule(b"zz"), Err(RuleError::Wrong("Unknown filter rule: zz".to_owned())));
    assert!(matches!(parse_rule(b": x"), Err(RuleError::NotModelled(_))));
    let message = "invalid modifier '-' at position 1 in filter rule: --zzz".to_owned();
    assert_eq!(parse_rule(b"--zzz"), Err(RuleError::Wrong(message)));
}

#[test]
fn protection_holds_on_the_receiver_only() {
    let rule = parse_rule(b"P *.keep").unwrap();
    assert!(Filters::new([&rule], Side::Receiver, true).excludes(b"a.keep", false, false));
    assert!(Filters::new([&rule], Side::Sender, true).is_empty());
    let plain = parse_rule(b"- *.keep").unwrap();
    assert!(Filters::new([&plain], Side::Receiver, true).is_empty());
}

proptest! {
    #[test]
    fn no_rule_makes_the_parser_or_the_matcher_panic(text in prop::collection::vec(any::<u8>(), 0..40), name in "[a-c/*]{0,12}") {
        if let Ok(rule) = parse_rule(&text) {
            Filters::new([&rule], Side::Sender, false).excludes(name.as_bytes(), false, false);
        }
        let _ = parse_argument(&text);
        wildmatch::matches(&text, name.as_bytes());
    }

    #[test]
    fn a_pattern_without_wildcards_matches_itself(name in "[a-z]{1,5}(/[a-z]{1,5}){0,3}") {
        prop_assert!(wildmatch::matches(name.as_bytes(), name.as_bytes()));
        prop_assert!(wildmatch::matches(b"**", name.as_bytes()));
    }
}
