//! How artifacts get from the manager to the workers: when, to whom, and with which command.

use harness::trace::NodeName;

use super::schedule::Schedule;

/// The documented sync: cron runs a script, the script runs rsync once for each line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncConfig {
    /// The node whose cron runs it.
    pub node: NodeName,
    /// The script that the cron lines run, by its path on that node.
    pub script: String,
    /// The cron lines that run the script.
    pub jobs: Vec<CronJob>,
    /// The lines of `workers-list.txt`, served one after another in this order.
    pub workers: Vec<WorkerTarget>,
    /// What the script runs for each of them.
    pub command: RsyncCommand,
}

/// One line of the crontab that runs the sync script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronJob {
    /// Its line in the crontab, from 1.
    pub line: usize,
    /// When it runs.
    pub schedule: Schedule,
    /// The command, as it is given to the shell.
    pub command: String,
    /// `SHELL` as it holds on that line.
    pub shell: String,
}

/// One line of `workers-list.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerTarget {
    /// Its number in the file, from 1.
    pub line: usize,
    /// The line as it is handed to rsync.
    pub text: String,
    /// The user to log in as; none when the line names none, which is cron's user.
    pub user: Option<String>,
    /// The host, as it is written.
    pub host: String,
    /// The folder on that host, as it is written.
    pub path: String,
    /// The node that the host resolves to on the manager.
    pub node: NodeName,
}

/// A command line of rsync with a place for the line of `workers-list.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsyncCommand {
    /// The words after the shell has split them, `rsync` first.
    pub words: Vec<Word>,
}

/// One word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Literal text and places, in order.
    pub parts: Vec<WordPart>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WordPart {
    /// Text as it is.
    Text(String),
    /// The line of `workers-list.txt`.
    Worker,
}

impl RsyncCommand {
    /// The arguments for one line of `workers-list.txt`, `rsync` itself first.
    pub fn argv(&self, line: &str) -> Vec<String> {
        let fill = |word: &Word| {
            word.parts
                .iter()
                .map(|part| match part {
                    WordPart::Text(text) => text.as_str(),
                    WordPart::Worker => line,
                })
                .collect()
        };
        self.words.iter().map(fill).collect()
    }
}
