//! Keeps a run: the plan before it begins, the trace as it happens, the report last. So a run that fails, or
//! whose checker does, can be run and judged again.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use harness::plan::Plan;
use harness::report::Report;
use harness::report::folder::{self, Format, WriteError};
use harness::trace::{Event, JsonLines, Sink};

/// The plan's file in a run's folder.
pub const PLAN: &str = "plan.json";
/// The trace's file in a run's folder.
pub const TRACE: &str = "trace.jsonl";
/// The trace's file while the run goes on, or when it did not come to its end.
pub const TRACE_SO_FAR: &str = "trace.jsonl.partial";

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder and saves the plan in it.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn begin(path: &Path, plan: &Plan) -> Result<Self, WriteError> {
        folder::put(&path.join(PLAN), plan.to_json().as_bytes())?;
        Ok(Self { path: path.to_owned() })
    }

    /// Begins the trace's file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn trace(&self) -> Result<TraceFile, WriteError> {
        let path = self.path.join(TRACE_SO_FAR);
        let lines = File::create(&path).and_then(|file| JsonLines::new(BufWriter::new(file)));
        match lines {
            Ok(lines) => Ok(TraceFile { path, lines: Rc::new(RefCell::new(Some(lines))) }),
            Err(error) => Err(WriteError { path, error }),
        }
    }

    /// Writes the report. Gives the files that are new or other than before.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn finish(&self, report: &Report, formats: &[Format]) -> Result<Vec<PathBuf>, WriteError> {
        folder::write(&self.path, report, formats)
    }
}

/// The trace's file while the run goes on. Clones are handles of the same file: one goes into the recorder.
#[derive(Debug, Clone)]
pub struct TraceFile {
    path: PathBuf,
    lines: Rc<RefCell<Option<JsonLines<BufWriter<File>>>>>,
}

impl TraceFile {
    /// The file could not be written to its end.
    pub fn broken(self, error: io::Error) -> WriteError {
        WriteError { path: self.path, error }
    }

    /// The run is over: the file is complete and has its name.
    ///
    /// # Errors
    /// What could not be written; the file keeps the name of one that is not complete.
    pub fn finish(self) -> Result<(), WriteError> {
        let done = match self.lines.take() {
            Some(lines) => lines
                .finish()
                .map(drop)
                .and_then(|()| fs::rename(&self.path, self.path.with_file_name(TRACE))),
            None => Err(io::Error::other("it could not be written to its end")),
        };
        done.map_err(|error| WriteError { path: self.path, error })
    }
}

impl Sink for TraceFile {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        let mut slot = self.lines.borrow_mut();
        let result = slot.as_mut().map_or(Ok(()), |lines| lines.take(event));
        if result.is_err() {
            *slot = None;
        }
        result
    }
}
