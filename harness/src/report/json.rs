//! The report for programs: keys in a fixed order, one line break at the end.

use super::{Report, SCHEMA_VERSION};

/// Why a stored report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadReportError {
    /// It is not a report.
    #[error("not a report: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("the report has schema version {0}, this program reads {SCHEMA_VERSION}")]
    Version(u64),
}

/// The report as pretty JSON.
pub fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report is always JSON");
    text.push('\n');
    text
}

/// Reads what [`json`] wrote.
///
/// # Errors
/// When the text is no report of this version.
pub fn from_json(text: &str) -> Result<Report, ReadReportError> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    match value.get("schema_version").and_then(serde_json::Value::as_u64) {
        Some(version) if version != u64::from(SCHEMA_VERSION) => Err(ReadReportError::Version(version)),
        _ => Ok(serde_json::from_value(value)?),
    }
}
