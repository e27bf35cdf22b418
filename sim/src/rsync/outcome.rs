//! What a run comes to: exit code, printed lines, counts. The words are rsync's, tried with version 3.5.0.

use std::fmt::Write as _;

/// Syntax or usage error.
pub const SYNTAX: u8 = 1;
/// Errors selecting input and output files or folders.
pub const FILE_SELECTION: u8 = 3;
/// Error in file I/O.
pub const FILE_IO: u8 = 11;
/// Something that it does not do, or not with this peer.
pub const UNSUPPORTED: u8 = 4;
/// Error in the data stream: the other side spoke nonsense or went away.
pub const STREAM_IO: u8 = 12;
/// Killed by SIGINT, SIGTERM or SIGHUP.
pub const SIGNAL: u8 = 20;
/// Some files were not transferred.
pub const PARTIAL: u8 = 23;
/// Some source files vanished.
pub const VANISHED: u8 = 24;
/// `--max-delete` stopped deletions.
pub const DELETE_LIMIT: u8 = 25;
/// Nothing came for `--timeout` seconds.
pub const TIMEOUT: u8 = 30;
/// What ssh says when it fails itself.
pub const SHELL_FAILED: u8 = 255;

/// What rsync calls an exit code.
pub fn describe(code: u8) -> &'static str {
    match code {
        1 => "syntax or usage error",
        2 => "protocol incompatibility",
        3 => "errors selecting input/output files, dirs",
        4 => "requested action not supported",
        5 => "error starting client-server protocol",
        10 => "error in socket IO",
        11 => "error in file IO",
        12 => "error in rsync protocol data stream",
        13 => "errors with program diagnostics",
        14 => "error in IPC code",
        19 => "received SIGUSR1",
        20 => "received SIGINT, SIGTERM, or SIGHUP",
        21 => "waitpid() failed",
        22 => "error allocating core memory buffers",
        23 => "some files/attrs were not transferred (see previous errors)",
        24 => "some files vanished before they could be transferred",
        25 => "the --max-delete limit stopped deletions",
        30 => "timeout in data send/receive",
        35 => "timeout waiting for daemon connection",
        124 => "remote shell failed",
        125 => "remote shell killed",
        126 => "remote command could not be run",
        127 => "remote command not found",
        _ => "unexplained error",
    }
}

/// Where a line is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A printed line, without its line break; names in it need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it goes.
    pub stream: Stream,
    /// What it says.
    pub text: Vec<u8>,
}

/// Files of a run by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds {
    /// Regular files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symlinks.
    pub links: u64,
    /// Devices.
    pub devices: u64,
    /// Pipes and sockets.
    pub specials: u64,
}

impl Kinds {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.files + self.folders + self.links + self.devices + self.specials
    }

    /// Counts one more of this kind.
    pub fn count(&mut self, kind: crate::disk::Kind) {
        use crate::disk::Kind;
        match kind {
            Kind::File => self.files += 1,
            Kind::Folder => self.folders += 1,
            Kind::Symlink => self.links += 1,
            Kind::CharDevice(..) | Kind::BlockDevice(..) => self.devices += 1,
            Kind::Fifo | Kind::Socket => self.specials += 1,
        }
    }
}

/// What `--stats` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// The file list.
    pub listed: Kinds,
    /// What the receiver made anew.
    pub created: Kinds,
    /// What the receiver deleted.
    pub deleted: Kinds,
    /// Regular files whose content was transferred.
    pub transferred: u64,
    /// Bytes of all files of the list (a symlink counts its target).
    pub total_size: u64,
    /// Bytes of the files that were transferred.
    pub transferred_size: u64,
    /// Bytes of content that went over the connection.
    pub literal: u64,
    /// Bytes of content that the receiver already had.
    pub matched: u64,
    /// Bytes of the file list on the connection.
    pub list_size: u64,
    /// Bytes that this process sent.
    pub sent: u64,
    /// Bytes that this process received.
    pub received: u64,
}

/// How a client's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What the process exits with.
    pub exit_code: u8,
    /// What it printed, in order.
    pub lines: Vec<Line>,
    /// What it counted.
    pub stats: Stats,
    /// Names whose content was transferred, as the client saw them, in order.
    pub transferred: Vec<Vec<u8>>,
}

impl Outcome {
    /// One stream's output as a text, lossily.
    pub fn text(&self, stream: Stream) -> String {
        let mut text = String::new();
        for line in self.lines.iter().filter(|line| line.stream == stream) {
            let _ = writeln!(text, "{}", String::from_utf8_lossy(&line.text));
        }
        text
    }
}

/// The line with which rsync ends when it did not succeed.
pub(crate) fn error_line(code: u8, place: &str, role: &str) -> String {
    let word = if code == VANISHED { "warning" } else { "error" };
    format!("rsync {word}: {} (code {code}) at {place} [{role}=3.5.0]", describe(code))
}

/// The paragraph of `--stats`; the model takes no time to list files, so the two times are 0.001 and 0.
/// `with_times` is false for a client that received nothing.
pub(crate) fn stats_lines(stats: &Stats, human: u8, with_times: bool) -> Vec<String> {
    let number = |number: u64| grouped(number, human);
    let kinds = |kinds: &Kinds| {
        let parts = [
            ("reg", kinds.files),
            ("dir", kinds.folders),
            ("link", kinds.links),
            ("dev", kinds.devices),
            ("special", kinds.specials),
        ];
        let shown: Vec<_> = parts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{name}: {}", number(*count)))
            .collect();
        let total = number(kinds.total());
        if shown.is_empty() { total } else { format!("{total} ({})", shown.join(", ")) }
    };
    let mut lines = vec![
        String::new(),
        format!("Number of files: {}", kinds(&stats.listed)),
        format!("Number of created files: {}", kinds(&stats.created)),
        format!("Number of deleted files: {}", kinds(&stats.deleted)),
        format!("Number of regular files transferred: {}", number(stats.transferred)),
        format!("Total file size: {} bytes", number(stats.total_size)),
        format!("Total transferred file size: {} bytes", number(stats.transferred_size)),
        format!("Literal data: {} bytes", number(stats.literal)),
        format!("Matched data: {} bytes", number(stats.matched)),
        format!("File list size: {}", number(stats.list_size)),
    ];
    if with_times {
        lines.push("File list generation time: 0.001 seconds".to_owned());
        lines.push("File list transfer time: 0.000 seconds".to_owned());
    }
    lines.push(format!("Total bytes sent: {}", number(stats.sent)));
    lines.push(format!("Total bytes received: {}", number(stats.received)));
    lines
}

/// The two lines with which `-v` and `--stats` end; `seconds` is how long the run took.
pub(crate) fn summary_lines(stats: &Stats, human: u8, seconds: f64, dry_run: bool) -> Vec<String> {
    let moved = stats.sent + stats.received;
    // rsync measures whole seconds and adds half of one.
    let rate = moved as f64 / (0.5 + seconds.floor());
    let speedup = if moved == 0 { 0.0 } else { stats.total_size as f64 / moved as f64 };
    let cents = (rate * 100.0).round() as u64;
    vec![
        String::new(),
        format!(
            "sent {} bytes  received {} bytes  {}.{:02} bytes/sec",
            grouped(stats.sent, human),
            grouped(stats.received, human),
            grouped(cents / 100, human),
            cents % 100
        ),
        format!(
            "total size is {}  speedup is {}{}",
            grouped(stats.total_size, human),
            grouped_cents((speedup * 100.0).round() as u64, human),
            if dry_run { " (DRY RUN)" } else { "" }
        ),
    ]
}

fn grouped_cents(cents: u64, human: u8) -> String {
    format!("{}.{:02}", grouped(cents / 100, human), cents % 100)
}

/// A count with commas, or with a unit when `-h` was given.
pub(crate) fn grouped(number: u64, human: u8) -> String {
    if human >= 1 {
        let base: f64 = if human == 1 { 1000.0 } else { 1024.0 };
        for (power, unit) in [(4, 'T'), (3, 'G'), (2, 'M'), (1, 'K')] {
            let scaled = number as f64 / base.powi(power);
            if scaled >= 1.0 {
                return format!("{scaled:.2}{unit}");
            }
        }
        return number.to_string();
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_as_rsync_groups_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(|n| grouped(n, 0)), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(grouped(1_234_567, 1), "1.23M");
    }

    #[test]
    fn a_vanished_file_is_a_warning() {
        let line = error_line(VANISHED, "main.c(1394)", "sender");
        assert!(line.starts_with("rsync warning: some files vanished"), "{line}");
    }
}
