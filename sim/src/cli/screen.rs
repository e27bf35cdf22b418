//! What a user sees: results on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};

use harness::finding::Findings;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Exit;

/// The two streams that a command writes to.
#[derive(Debug)]
pub struct Screen {
    colour_results: bool,
    colour_notes: bool,
    progress: bool,
    /// The reader of the results has gone away, or they cannot be written.
    closed: bool,
    exit: Exit,
}

impl Screen {
    /// The streams of this process. Colours are for terminals whose user did not set `NO_COLOR`; the progress
    /// line is for terminals that show no log lines.
    pub fn new(logs: bool) -> Self {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            colour_results: colour && io::stdout().is_terminal(),
            colour_notes: colour && io::stderr().is_terminal(),
            progress: !logs && io::stderr().is_terminal(),
            closed: false,
            exit: Exit::Pass,
        }
    }

    /// Whether results may be coloured.
    pub fn colour(&self) -> bool {
        self.colour_results
    }

    /// Writes a result. A reader that has gone away (`sim run ... | head`) is no trouble of ours.
    pub fn result(&mut self, text: &str) {
        if self.closed {
            return;
        }
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            self.closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.trouble(Exit::CannotWrite, &format!("cannot write to standard output: {error}"));
            }
        }
    }

    /// Says something beside the results.
    pub fn note(&self, text: &str) {
        // There is nobody left to tell when standard error cannot be written.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Says what went wrong, and remembers with what the command must end.
    pub fn trouble(&mut self, exit: Exit, text: &str) {
        self.ends_with(exit);
        self.note(&format!("sim: {text}"));
    }

    /// Shows what is wrong with files; errors make the command end with 65.
    pub fn findings(&mut self, findings: &Findings) {
        if findings.has_errors() {
            self.ends_with(Exit::BadInput);
        }
        if !findings.is_empty() {
            self.note(findings.render(self.colour_notes).trim_end());
        }
    }

    /// The command ends with this, or with something worse.
    pub fn ends_with(&mut self, exit: Exit) {
        self.exit = self.exit.max(exit);
    }

    /// The worst that happened.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// A progress line of this length; one that nobody sees unless standard error is a terminal.
    pub fn progress(&self, length: u64, style: &str) -> ProgressBar {
        let target =
            if self.progress { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        bar.with_style(ProgressStyle::with_template(style).expect("templates are ours"))
    }
}
