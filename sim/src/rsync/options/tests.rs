use proptest::prelude::*;

use super::*;

fn args(line: &[&str]) -> Vec<Vec<u8>> {
    line.iter().map(|arg| arg.as_bytes().to_vec()).collect()
}

fn options(line: &[&str]) -> Options {
    parse(&args(line), &|_, _| Ok(())).unwrap().options
}

fn refused(line: &[&str]) -> String {
    match parse(&args(line), &|_, _| Ok(())).unwrap_err() {
        Refusal::Rsync { lines, code } => {
            assert_eq!(code, 1);
            lines[0].clone()
        }
        Refusal::Says { lines } => format!("says: {}", lines.join(" | ")),
        Refusal::NotModelled { option } => format!("not modelled: {option}"),
    }
}

#[test]
fn the_documented_command_line_is_read_as_popt_reads_it() {
    let shell = "ssh -i /home/wso2/.ssh/key -o StrictHostKeyChecking=no";
    let line = ["--delete", "-arve", shell, "/carbon/repository/deployment/server/", "w1:/carbon/server"];
    let parsed = parse(&args(&line), &|_, _| Ok(())).unwrap();
    let options = parsed.options;
    assert_eq!(options.shell.as_deref(), Some(shell.as_bytes()));
    assert_eq!(options.delete, Some(DeleteWhen::During));
    assert!(options.recursive && options.links && options.perms && options.times);
    assert!(options.owner && options.group && options.devices && options.specials);
    assert_eq!(options.output.verbose, 1);
    assert_eq!(parsed.paths.len(), 2);
}

#[test]
fn values_stand_after_a_sign_a_letter_or_in_the_next_word() {
    for line in [["--timeout=7"].as_slice(), &["--timeout", "7"]] {
        assert_eq!(options(line).timeout_s, 7);
    }
    for line in [["-essh -v"].as_slice(), &["-e", "ssh -v"], &["-e=ssh -v"], &["--rsh=ssh -v"]] {
        assert_eq!(options(line).shell.as_deref(), Some(&b"ssh -v"[..]));
    }
}

#[test]
fn a_later_negation_wins() {
    let options = options(&["-a", "--no-o", "--no-g", "--no-times", "-v", "--no-v"]);
    assert!(!options.owner && !options.group && !options.times && options.perms);
    assert_eq!(options.output.verbose, 0);
}

#[test]
fn a_wrong_command_line_is_refused_in_rsyncs_words() {
    for (line, words) in [
        (["--foo"].as_slice(), "rsync: --foo: unknown option"),
        (&["-avQ"], "rsync: -avQ: unknown option"),
        (&["--timeout=x"], "rsync: --timeout=x: invalid numeric value"),
        (&["--timeout"], "rsync: --timeout: missing argument"),
        (&["-e"], "rsync: -e: missing argument"),
        (&["-arve"], "rsync: -arve: missing argument"),
        (&["-a=x"], "rsync: -a=x: option does not take an argument"),
        (&["-va="], "rsync: -va=: option does not take an argument"),
        (&["--archive=3"], "rsync: --archive=3: option does not take an argument"),
        (&["--delete"], "rsync: --delete does not work without --recursive (-r) or --dirs (-d)."),
        (
            &["-a", "--delete-before", "--delete-after"],
            "rsync: You may not combine multiple --delete-WHEN options.",
        ),
        (&["--append", "-W"], "rsync: --append cannot be used with --whole-file"),
        (&["--inplace", "--delay-updates"], "rsync: --inplace cannot be used with --delay-updates"),
        (&["--suffix=a/b"], "rsync: --suffix cannot contain slashes: a/b"),
        (
            &["--compare-dest=x", "--link-dest=y"],
            "rsync: ERROR: the --link-dest option conflicts with the --compare-dest option",
        ),
        (&["--bwlimit=zz"], "rsync: --bwlimit=zz is invalid"),
        (&["--chmod=zz"], "rsync: Invalid argument passed to --chmod (zz)"),
    ] {
        assert_eq!(refused(line), words);
    }
}

#[test]
fn what_rsync_knows_and_the_model_does_not_is_refused_by_name() {
    assert_eq!(refused(&["-aH"]), "not modelled: -H");
    assert_eq!(refused(&["--max-size=3k"]), "not modelled: --max-size");
}

#[test]
fn version_and_help_are_printed_where_rsync_prints_them() {
    let version = "says: rsync  version 3.5.0  protocol version 32";
    for line in [["--version"].as_slice(), &["-V"], &["-a", "--version", "src", "dst"]] {
        assert_eq!(refused(line), version);
    }
    for line in [["--help"].as_slice(), &["-h"], &["--delete", "--help", "--timeout=x"]] {
        assert_eq!(refused(line), format!("{version} | Usage: rsync [OPTION]... SRC [SRC]... DEST"));
    }
    assert_eq!(refused(&["--version", "--nonsense"]), "rsync: --nonsense: unknown option");
    assert!(options(&["-h", "src"]).output.human == 1, "with other words it is about numbers");
}

#[test]
fn dash_f_stands_for_rules_of_folders_and_then_for_leaving_their_files_out() {
    let rule = |text: &str| RuleSource::rule(text);
    assert_eq!(options(&["-F"]).rules, [rule(": /.rsync-filter")]);
    assert_eq!(options(&["-FaF", "-F"]).rules, [rule(": /.rsync-filter"), rule("- .rsync-filter")]);
}

#[test]
fn a_rate_takes_a_unit() {
    for (text, bytes) in [("1", 1024), ("1.5m", 1_572_864), ("2KB", 2000), ("0", 0), ("600b", 600)] {
        assert_eq!(options(&[&format!("--bwlimit={text}")]).bwlimit_bytes, bytes, "{text}");
    }
}

#[test]
fn each_name_and_letter_stands_once_in_the_table() {
    let mut names = std::collections::BTreeSet::new();
    let mut letters = std::collections::BTreeSet::new();
    for known in table::KNOWN {
        assert!(names.insert(known.long), "{}", known.long);
        assert!(known.short == 0 || letters.insert(known.short), "{}", known.long);
    }
}

#[test]
fn options_survive_the_way_to_the_server() {
    let options = options(&["-aizc", "--delete-after", "--max-delete=3", "--exclude=*.tmp", "--chmod=D755"]);
    let bytes = options.encode();
    assert_eq!(Options::decode(&bytes).unwrap(), options);
    assert!(bytes.len() < 800, "{}", bytes.len());
}

proptest! {
    #[test]
    fn no_command_line_makes_the_parser_panic(
        line in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12),
            "-[a-zA-Z0-9@]{1,4}".prop_map(String::into_bytes),
            prop::sample::select(table::KNOWN).prop_map(|known| format!("--{}", known.long).into_bytes()),
            prop::sample::select(table::KNOWN).prop_map(|known| format!("--{}=1", known.long).into_bytes()),
        ], 0..8),
    ) {
        let _ = parse(&line, &|_, _| Ok(()));
    }
}
