//! Where results stand: one file of lines, the header first, then a line a batch, appended as each is finished.
//!
//! So whatever stops the program, everything that was finished is there. A last line that was cut short is
//! dropped, and its batch is run again by whoever goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Batch, Header, SCHEMA_VERSION};
use crate::report::folder::{self, WriteError};

/// The file's name in the folder of an exploration.
pub(super) const FILE: &str = "batches.jsonl";
/// A line is no longer than this, in bytes: the plan with its cluster's files is the longest.
const LINE_BYTES_MAX: u64 = 1 << 28;

/// Why results cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused to read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system refused to write.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What is there is not what it should be.
    #[error("{}, line {line}: {why}", path.display())]
    Wrong {
        /// Where.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong, and what to do.
        why: String,
    },
}

/// Results that grow.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// Results as they were found: the header, and where each batch stands.
#[derive(Debug)]
pub struct Contents {
    /// What they begin with.
    pub header: Header,
    /// Whether the last line was cut short and left out.
    pub cut_short: bool,
    path: PathBuf,
    reader: BufReader<File>,
    line: u64,
    /// The bytes that were read as whole lines.
    bytes: u64,
}

impl Store {
    /// Whether a folder holds results.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Begins results in a folder.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn begin(folder: &Path, header: &Header) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let mut line = serde_json::to_vec(header).expect("a header is always JSON");
        line.push(b'\n');
        folder::put(&path, &line)?;
        Self::at(path, line.len() as u64)
    }

    /// Goes on with results after they were read to their end; what was cut short is removed.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn go_on(contents: &Contents) -> Result<Self, StoreError> {
        Self::at(contents.path.clone(), contents.bytes)
    }

    fn at(path: PathBuf, bytes: u64) -> Result<Self, StoreError> {
        let open = || -> io::Result<File> {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(bytes)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self { path, file, bytes }),
            Err(error) => Err(WriteError { path, error }.into()),
        }
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// When it cannot be written; what was there before is still whole.
    pub fn add(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut line = serde_json::to_vec(batch).expect("a batch is always JSON");
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line).and_then(|()| self.file.flush()) {
            // A half of a line would be dropped by a reader too.
            let _ = self.file.set_len(self.bytes);
            return Err(WriteError { path: self.path.clone(), error }.into());
        }
        self.bytes += line.len() as u64;
        Ok(())
    }
}

impl Contents {
    /// Opens the results of a folder.
    ///
    /// # Errors
    /// What cannot be read, or is no header of results.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let file = File::open(&path).map_err(|error| StoreError::Read { path: path.clone(), error })?;
        let mut reader = BufReader::new(file);
        let wrong = |why: String| StoreError::Wrong { path: path.clone(), line: 1, why };
        let Some(text) = read_line(&mut reader, &path)?.filter(|line| line.whole) else {
            return Err(wrong(
                "the file was cut short in its first line: remove it and explore again".to_owned(),
            ));
        };
        let value: serde_json::Value = serde_json::from_slice(&text.bytes)
            .map_err(|error| wrong(format!("these are no results of `sim explore`: {error}")))?;
        match value.get("schema_version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(version) => {
                return Err(wrong(format!(
                    "these results have schema version {version}, this program reads {SCHEMA_VERSION}: \
                     use the program that made them, or explore again"
                )));
            }
            None => return Err(wrong("these are no results of `sim explore`".to_owned())),
        }
        let header: Header = serde_json::from_value(value)
            .map_err(|error| wrong(format!("these are no results of `sim explore`: {error}")))?;
        header.base.check().map_err(|why| wrong(format!("its plan cannot be run: {why}")))?;
        let bytes = text.bytes.len() as u64;
        Ok(Self { header, cut_short: false, path, reader, line: 1, bytes })
    }

    /// The next batch; none at the end.
    ///
    /// # Errors
    /// What cannot be read, or is no batch.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, StoreError> {
        Ok(self.next_line()?.map(|(batch, _)| batch))
    }

    /// The bytes of all lines that were read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next batch, and its line.
    pub(super) fn next_line(&mut self) -> Result<Option<(Batch, Vec<u8>)>, StoreError> {
        let Some(line) = read_line(&mut self.reader, &self.path)? else { return Ok(None) };
        if !line.whole {
            self.cut_short = true;
            return Ok(None);
        }
        self.line += 1;
        let batch: Batch = serde_json::from_slice(&line.bytes).map_err(|error| StoreError::Wrong {
            path: self.path.clone(),
            line: self.line,
            why: format!("this is no batch of runs: {error}"),
        })?;
        self.bytes += line.bytes.len() as u64;
        Ok(Some((batch, line.bytes)))
    }
}

struct Line {
    bytes: Vec<u8>,
    /// Whether it ends with a line break.
    whole: bool,
}

fn read_line(reader: &mut impl BufRead, path: &Path) -> Result<Option<Line>, StoreError> {
    let mut bytes = Vec::new();
    let read = reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
    read.map_err(|error| StoreError::Read { path: path.to_owned(), error })?;
    let whole = bytes.last() == Some(&b'\n');
    Ok((!bytes.is_empty()).then_some(Line { bytes, whole }))
}
