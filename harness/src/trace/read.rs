//! Reads a stored trace.

use std::io::{self, BufRead};

use super::{Event, SCHEMA_VERSION};

/// Why a stored trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadTraceError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The first line is not the header of a trace.
    #[error("line 1 is not the header of a trace: expected {{\"schema_version\":{SCHEMA_VERSION}}}")]
    Header,
    /// The trace is of another version.
    #[error("the trace has schema version {0}, this program reads {SCHEMA_VERSION}")]
    Version(u64),
    /// A line is not an event; the file may have been cut short.
    #[error("line {line} is not an event ({why}); the file may have been cut short")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads events one by one, without keeping them.
///
/// # Errors
/// When the header is not that of a trace of this version; each item says what is wrong with its line.
pub fn read_trace(
    input: impl BufRead,
) -> Result<impl Iterator<Item = Result<Event, ReadTraceError>>, ReadTraceError> {
    let mut lines = input.lines();
    let header = lines.next().ok_or(ReadTraceError::Header)??;
    let header: serde_json::Value = serde_json::from_str(&header).map_err(|_| ReadTraceError::Header)?;
    match header.get("schema_version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(SCHEMA_VERSION) => {}
        Some(version) => return Err(ReadTraceError::Version(version)),
        None => return Err(ReadTraceError::Header),
    }
    Ok(lines.enumerate().map(|(index, line)| {
        let line = line?;
        serde_json::from_str(&line)
            .map_err(|error| ReadTraceError::Line { line: index + 2, why: error.to_string() })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_that_was_cut_short_says_in_which_line() {
        let text = "{\"schema_version\":1}\n{\"id\":0,\"at_ns\":0,\"event\":\"run_ended\"}\n{\"id\":1,\"at";
        let results: Vec<_> = read_trace(text.as_bytes()).unwrap().collect();
        assert!(results[0].is_ok());
        assert!(matches!(results[1], Err(ReadTraceError::Line { line: 3, .. })));
    }

    #[test]
    fn another_files_first_line_is_refused() {
        assert!(matches!(read_trace("hello\n".as_bytes()).err(), Some(ReadTraceError::Header)));
        assert!(matches!(
            read_trace("{\"schema_version\":99}\n".as_bytes()).err(),
            Some(ReadTraceError::Version(99))
        ));
    }
}
