//! Where results stand: one file of lines, the header first, then a line a run, written as each comes.
//!
//! So whatever stops the program, everything that was finished is there, and a sweep goes on where it ended. A last
//! line that was cut short is dropped, and its run is made again.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use super::cases::{Case, Sweep};
use crate::report::folder::{self, WriteError};
use crate::signature::Signature;
use crate::trace::Fingerprint;

/// The file's name in the folder of a sweep.
const FILE: &str = "runs.jsonl";
/// A line is no longer than this, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What results begin with: those of another sweep are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The program that wrote it.
    pub made_by: String,
    /// The scenario.
    pub scenario: Arc<str>,
    /// Of the sweep's plan, faults and moments.
    pub sweep: Fingerprint,
}

impl Header {
    /// The header of a sweep's results.
    pub fn of(sweep: &Sweep) -> Self {
        let base = sweep.base();
        Self {
            schema_version: SCHEMA_VERSION,
            made_by: base.made_by.clone(),
            scenario: base.scenario.clone(),
            sweep: sweep.fingerprint(),
        }
    }

    /// Why results with this header are none of a sweep with the other.
    fn differs_from(&self, own: &Header) -> Option<String> {
        if self.schema_version != own.schema_version {
            let (this, reads) = (self.schema_version, own.schema_version);
            return Some(format!("they have schema version {this}, this program reads {reads}"));
        }
        if self.made_by != own.made_by {
            return Some(format!("they were made by {}, this is {}", self.made_by, own.made_by));
        }
        if self.scenario != own.scenario {
            return Some(format!("they are of the scenario {}, this is {}", self.scenario, own.scenario));
        }
        (self.sweep != own.sweep).then(|| {
            format!("{} or the files of its cluster, its seed or the options were others then", self.scenario)
        })
    }
}

/// What one run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The case, or several together.
    pub cases: Vec<Case>,
    /// How it failed; empty when everything held.
    pub fails: BTreeSet<Signature>,
}

/// A line as it is written: places of moment and fault, pair by pair.
#[derive(Serialize, Deserialize)]
struct Written {
    cases: Vec<[usize; 2]>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    fails: BTreeSet<Signature>,
}

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
    /// The results are of another sweep.
    #[error("the results in {} cannot be gone on with: {why}; give another folder with --out, or remove it", path.display())]
    Other {
        /// Where.
        path: PathBuf,
        /// What differs.
        why: String,
    },
    /// What is there is not what it should be.
    #[error("{}, line {line}: {why}", path.display())]
    Wrong {
        /// Where.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
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

impl Store {
    /// Opens the results of a sweep in a folder, or begins them; gives what is there already.
    ///
    /// # Errors
    /// Results of another sweep; a file that is none; what cannot be read or written.
    pub fn open(folder: &Path, sweep: &Sweep) -> Result<(Self, Vec<Line>), StoreError> {
        let (path, header) = (folder.join(FILE), Header::of(sweep));
        if !path.exists() {
            let mut line = serde_json::to_vec(&header).expect("a header is always JSON");
            line.push(b'\n');
            folder::put(&path, &line)?;
            return Ok((Self::at(path, line.len() as u64)?, Vec::new()));
        }
        let (lines, bytes) = read(&path, &header, sweep)?;
        Ok((Self::at(path, bytes)?, lines))
    }

    fn at(path: PathBuf, bytes: u64) -> Result<Self, StoreError> {
        let open = || -> io::Result<File> {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            // What was cut short goes.
            file.set_len(bytes)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self { path, file, bytes }),
            Err(error) => Err(WriteError { path, error }.into()),
        }
    }

    /// Adds what a run gave.
    ///
    /// # Errors
    /// When it cannot be written; what was there before is still whole.
    pub fn add(&mut self, line: &Line) -> Result<(), StoreError> {
        let cases = line.cases.iter().map(|case| [case.moment, case.fault]).collect();
        let written = Written { cases, fails: line.fails.clone() };
        let mut text = serde_json::to_vec(&written).expect("a line is always JSON");
        text.push(b'\n');
        if let Err(error) = self.file.write_all(&text) {
            // Half a line would be dropped by a reader, too.
            let _ = self.file.set_len(self.bytes);
            return Err(WriteError { path: self.path.clone(), error }.into());
        }
        self.bytes += text.len() as u64;
        Ok(())
    }
}

/// The lines of a file, and how many bytes of it are whole lines.
fn read(path: &Path, own: &Header, sweep: &Sweep) -> Result<(Vec<Line>, u64), StoreError> {
    let wrong = |line: usize, why: String| StoreError::Wrong { path: path.to_owned(), line, why };
    let cannot = |error| StoreError::Read { path: path.to_owned(), error };
    let mut reader = BufReader::new(File::open(path).map_err(cannot)?);
    let (mut lines, mut bytes, mut text) = (Vec::new(), 0, Vec::new());
    for number in 1.. {
        text.clear();
        let read = (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut text).map_err(cannot)?;
        if text.last() != Some(&b'\n') {
            if read as u64 == LINE_BYTES_MAX {
                return Err(wrong(number, format!("longer than {LINE_BYTES_MAX} bytes: this is no result")));
            }
            if number == 1 {
                let why = "the file was cut short in its first line; remove it, and begin anew";
                return Err(wrong(number, why.to_owned()));
            }
            break;
        }
        if number == 1 {
            check(&text, own, path)?;
        } else {
            let written: Written = serde_json::from_slice(&text)
                .map_err(|error| wrong(number, format!("this is no result: {error}")))?;
            let cases: Vec<Case> =
                written.cases.iter().map(|&[moment, fault]| Case { moment, fault }).collect();
            let there =
                |case: &Case| case.moment < sweep.moments().len() && case.fault < sweep.faults().len();
            if !(1..=2).contains(&cases.len()) || !cases.iter().all(there) {
                return Err(wrong(number, "it names a case that the sweep does not have".to_owned()));
            }
            lines.push(Line { cases, fails: written.fails });
        }
        bytes += read as u64;
    }
    Ok((lines, bytes))
}

/// Whether the results are of this sweep. The version is looked at first: what else there is depends on it.
fn check(text: &[u8], own: &Header, path: &Path) -> Result<(), StoreError> {
    let path = path.to_owned();
    let value: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    let version = value.get("schema_version").and_then(serde_json::Value::as_u64);
    match version {
        None => {
            let why = "these are no results of a sweep: the first line has no `schema_version`".to_owned();
            return Err(StoreError::Wrong { path, line: 1, why });
        }
        Some(version) if version != u64::from(SCHEMA_VERSION) => {
            let why = format!("they have schema version {version}, this program reads {SCHEMA_VERSION}");
            return Err(StoreError::Other { path, why });
        }
        Some(_) => {}
    }
    let header: Header = match serde_json::from_value(value) {
        Ok(header) => header,
        Err(error) => return Err(StoreError::Wrong { path, line: 1, why: format!("no header: {error}") }),
    };
    match header.differs_from(own) {
        Some(why) => Err(StoreError::Other { path, why }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::sweep;
    use super::*;

    fn line(moment: usize, fails: &[&str]) -> Line {
        let signature = |cause: &&str| Signature {
            checker: "durability".into(),
            capability: None,
            claim: "no acknowledged publish is lost".into(),
            cause: (*cause).into(),
        };
        Line { cases: vec![Case { moment, fault: 0 }], fails: fails.iter().map(signature).collect() }
    }

    #[test]
    fn what_was_written_is_gone_on_from_and_what_was_cut_short_is_dropped() {
        let (folder, sweep) = (tempfile::tempdir().unwrap(), sweep("s"));
        let (mut store, none) = Store::open(folder.path(), &sweep).unwrap();
        assert!(none.is_empty());
        let lines = [line(0, &[]), line(1, &["in the queue"])];
        lines.iter().for_each(|line| store.add(line).unwrap());
        drop(store);
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for cut in [0, 1, 5] {
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let (_, there) = Store::open(folder.path(), &sweep).unwrap();
            assert_eq!(there, lines[..2 - usize::from(cut > 0)], "cut by {cut}");
        }
        // What was cut short is gone from the file, too.
        let (mut store, _) = Store::open(folder.path(), &sweep).unwrap();
        store.add(&lines[1]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn results_of_another_sweep_or_version_are_refused_and_say_why() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path(), &sweep("one")).unwrap();
        let refused = |sweep: &Sweep| Store::open(folder.path(), sweep).unwrap_err().to_string();
        assert!(refused(&sweep("other")).contains("scenario one"));
        let path = folder.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        let own = sweep("one").fingerprint().to_string();
        for (from, to, why) in [
            ("\"schema_version\":2", "\"schema_version\":9", "schema version 9"),
            ("fake 1", "fake 0", "made by fake 0"),
            (own.as_str(), "00000000000000000000000000000000", "options"),
            ("{", "", "no `schema_version`"),
            ("\n", "", "cut short in its first line"),
            ("\n", "\n{\"cases\":[[99,0]]}\n", "does not have"),
            ("\n", "\nnonsense\n", "no result"),
        ] {
            assert!(text.contains(from), "{from}");
            let changed = text.replacen(from, to, 1);
            fs::write(&path, changed).unwrap();
            let said = refused(&sweep("one"));
            assert!(said.contains(why), "{why}: {said}");
        }
    }

    #[test]
    fn a_full_disk_is_told_with_the_file() {
        let Ok(file) = OpenOptions::new().write(true).open("/dev/full") else { return };
        let mut store = Store { path: "out/runs.jsonl".into(), file, bytes: 0 };
        let error = store.add(&line(0, &[])).unwrap_err();
        assert!(matches!(error, StoreError::Write(_)));
        assert!(error.to_string().contains("cannot write out/runs.jsonl"), "{error}");
    }
}
