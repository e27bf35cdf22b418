//! Log lines on standard error, each with the simulated moment and the node that it belongs to.

use std::fmt;
use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::log;

/// Stamps a line with simulated time and place. The wall clock has no part in a run, nor in its log.
struct Stamp;

impl FormatTime for Stamp {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        let node = log::node();
        let moment = log::moment().to_string();
        write!(line, "{moment:>12} {:10}", node.as_deref().unwrap_or("-"))
    }
}

/// Begins to log: warnings; with `-v` what happens, with `-vv` in detail, with `-vvv` everything. `RUST_LOG`
/// overrules it. Gives whether more than warnings is logged.
pub fn begin(verbose: u8) -> bool {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let talkative = filter.max_level_hint().is_none_or(|level| level > LevelFilter::WARN);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(Stamp)
        .with_ansi(false)
        .with_writer(io::stderr)
        .finish();
    // Another subscriber is there already only when this is called from a test; its choice stands.
    let _ = tracing::subscriber::set_global_default(subscriber);
    talkative
}
