//! `[cluster_files]`: texts that take the place of files of the cluster's folder, so that a scenario can differ
//! from its cluster in one command line without a folder of its own.
//!
//! The plan stores the files as they are after this; a finding about a text that stands here points here.

use crate::cluster_files::{ClusterFiles, FILE_BYTES_MAX, FILES_MAX};
use crate::finding::{Finding, Findings, Source, nearest};
use crate::table::{Placed, Table};

/// The file that names all others: a scenario that replaces it may add files, too.
const CLUSTER_FILE: &str = "cluster.toml";

/// One text of `[cluster_files]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedFile {
    /// The file's path below the cluster's folder.
    pub path: Placed<String>,
    /// What stands in it.
    pub text: Placed<String>,
}

/// Reads the table of a scenario.
pub(super) fn read(top: &Table<'_>) -> Vec<ReplacedFile> {
    let Some(table) = top.table("cluster_files") else { return Vec::new() };
    let mut replaced: Vec<ReplacedFile> = Vec::new();
    for (path, text) in table.into_texts() {
        let path = path.map(|path| path.trim_start_matches("./").to_owned());
        if !is_below_a_folder(&path.value) {
            let message = format!("`{}` is no path of a file in the cluster's folder", path.value);
            top.reader.error(path.span, message, "write it from that folder: `\"manager/rsync-command\"`");
        } else if replaced.iter().any(|other| other.path.value == path.value) {
            top.reader.error(path.span, "this file is replaced twice", "leave one out");
        } else if text.value.len() as u64 > FILE_BYTES_MAX {
            let message = format!("this text is longer than {FILE_BYTES_MAX} bytes");
            top.reader.error(text.span, message, "is this a configuration file?");
        } else {
            replaced.push(ReplacedFile { path, text });
        }
    }
    replaced
}

fn is_below_a_folder(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains('\0')
}

/// Puts the texts into the place of the folder's files.
pub(super) fn apply(
    source: &Source,
    replaced: &[ReplacedFile],
    mut files: ClusterFiles,
) -> (ClusterFiles, Findings) {
    let mut findings = Findings::new();
    let may_add = replaced.iter().any(|file| file.path.value == CLUSTER_FILE);
    for file in replaced {
        let path = file.path.value.as_str();
        if !files.files.contains_key(path) && !may_add {
            let finding = Finding::error(
                source,
                file.path.span.clone(),
                format!("there is no file `{path}` in this cluster's folder"),
            );
            findings.push(
                finding.help(match nearest(path, files.files.keys().map(String::as_str)) {
                    Some(near) => format!("write `\"{near}\"`"),
                    None => {
                        "only a scenario that replaces `cluster.toml`, which names all files, can add one"
                            .to_owned()
                    }
                }),
            );
            continue;
        }
        files.files.insert(path.to_owned(), file.text.value.clone());
    }
    if files.files.len() > FILES_MAX {
        let span = replaced.last().map_or(0..0, |file| file.path.span.clone());
        findings.push(Finding::error(source, span, format!("the cluster has more than {FILES_MAX} files")));
    }
    (files, findings)
}

/// Findings about texts that stand in the scenario, moved from the files that they replace to where they stand.
pub(super) fn relocate(
    source: &Source,
    replaced: &[ReplacedFile],
    files: &ClusterFiles,
    findings: &Findings,
) -> Findings {
    let place = |finding: &Finding| {
        let file = replaced.iter().find(|file| files.shown(&file.path.value) == *finding.source.name);
        let Some(file) = file else { return finding.clone() };
        let mut moved = finding.clone();
        moved.span = file.text.part(source, finding.span.clone());
        moved.source = source.clone();
        moved.message = format!("{} (in {})", finding.message, file.path.value);
        moved
    };
    findings.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::Scenario;

    const COMMAND: &str = "manager/rsync-command";

    fn scenario(table: &str) -> (Scenario, Findings) {
        let text = format!("title = 't'\ncluster = 'c'\n{table}\n[phases]\ndisturb = '1m'\n");
        let (mut scenario, mut findings) = Scenario::parse(&Source::new("a.toml", text));
        let files = [("cluster.toml", "whole"), (COMMAND, "rsync -a")];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        findings
            .extend(scenario.set_files(ClusterFiles { root: "c".to_owned(), files: BTreeMap::from(files) }));
        (scenario, findings)
    }

    fn mistakes(table: &str) -> Vec<(String, String)> {
        let (scenario, findings) = scenario(table);
        let shown =
            |finding: &Finding| (scenario.source.text[finding.span.clone()].to_owned(), finding.help.clone());
        findings.iter().map(shown).collect()
    }

    #[test]
    fn a_text_takes_the_place_of_a_file_and_the_others_stay() {
        let (scenario, findings) = scenario("[cluster_files]\n'manager/rsync-command' = 'rsync -ac'");
        assert!(findings.is_empty(), "{findings}");
        let files = scenario.files.unwrap().files;
        assert_eq!((files[COMMAND].as_str(), files["cluster.toml"].as_str()), ("rsync -ac", "whole"));
    }

    #[test]
    fn a_file_that_is_not_there_is_a_mistake_unless_the_file_that_names_all_is_replaced_too() {
        let wrong = mistakes("[cluster_files]\n'manager/rsync-comand' = 'rsync'\n'worker9/hosts' = ''");
        let write = format!("write `\"{COMMAND}\"`");
        assert_eq!(wrong[0], ("'manager/rsync-comand'".to_owned(), write));
        assert!(wrong[1].1.contains("replaces `cluster.toml`"), "{wrong:?}");
        assert_eq!(mistakes("[cluster_files]\n'cluster.toml' = 'more'\n'worker9/hosts' = ''"), []);
    }

    #[test]
    fn what_is_no_path_or_no_text_is_underlined() {
        for (table, underlined) in [
            ("'../passwd' = ''", "'../passwd'"),
            ("'/etc/hosts' = ''", "'/etc/hosts'"),
            ("'a//b' = ''", "'a//b'"),
            ("'manager/rsync-command' = 3", "3"),
            ("manager.rsync-command = 'rsync'", "manager"),
        ] {
            let wrong = mistakes(&format!("[cluster_files]\n{table}"));
            assert!(wrong.len() == 1 && wrong[0].0.starts_with(underlined), "{table}: {wrong:?}");
        }
    }

    #[test]
    fn what_is_wrong_in_a_text_is_shown_where_it_stands() {
        let (scenario, _) = scenario("[cluster_files]\n'manager/rsync-command' = 'rsync --frobnicate'");
        let files = scenario.files.clone().unwrap();
        let (there, elsewhere) = (files.source(COMMAND).unwrap(), files.source("cluster.toml").unwrap());
        let found = Findings::from_iter([
            Finding::error(&there, 6..18, "unknown option").help("leave it out"),
            Finding::warning(&elsewhere, 0..5, "not this one"),
        ]);
        let moved = scenario.relocate(&files, &found);
        let moved: Vec<&Finding> = moved.iter().collect();
        assert_eq!(&*moved[0].source.name, "a.toml");
        assert_eq!(&moved[0].source.text[moved[0].span.clone()], "--frobnicate");
        assert_eq!((moved[0].line(), moved[0].help.as_str()), (4, "leave it out"));
        assert!(moved[0].message.contains(COMMAND));
        assert_eq!(*moved[1], *found.iter().nth(1).unwrap());
    }
}
