//! Puts results of several machines together: what comes out is what one machine would have written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::store::{Contents, FILE, StoreError};
use super::{Header, Summary};
use crate::report::folder::{self, WriteError};

/// Why results cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Results that cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Results of different explorations.
    #[error(
        "{} and {} hold results of different explorations, which cannot be put together: {why}",
        one.display(),
        other.display()
    )]
    Different {
        /// The first folder.
        one: PathBuf,
        /// The one that does not fit.
        other: PathBuf,
        /// Why.
        why: String,
    },
    /// The same seed gave different results.
    #[error(
        "the batch of seed {seed} is another one in {} than in {}: they were not made by the same program",
        one.display(),
        other.display()
    )]
    Contradiction {
        /// The seed.
        seed: u64,
        /// The folder that was read first.
        one: PathBuf,
        /// The one that says something else.
        other: PathBuf,
    },
}

/// What was put together.
#[derive(Debug)]
pub struct Merged {
    /// What all of them found.
    pub summary: Summary,
    /// Folders whose last line was cut short and left out.
    pub cut_short: Vec<PathBuf>,
}

/// Where a batch stands.
struct Place {
    folder: usize,
    offset: u64,
    bytes: usize,
    digest: u64,
}

/// Reads the results of these folders, of which there is at least one, and writes all of them into `out`, in the
/// order of their seeds.
///
/// # Errors
/// Results that cannot be read, or do not belong together; what cannot be written. `out` is written whole or not
/// at all.
///
/// # Panics
/// When there is no folder.
pub fn merge(folders: &[PathBuf], out: &Path) -> Result<Merged, MergeError> {
    let mut found: Option<(Summary, BTreeMap<u64, Place>)> = None;
    let mut cut_short = Vec::new();
    for (number, folder) in folders.iter().enumerate() {
        let mut contents = Contents::open(folder)?;
        let (summary, places) =
            found.get_or_insert_with(|| (Summary::new(contents.header.clone()), BTreeMap::new()));
        if let Some(why) = summary.header.differs_from(&contents.header) {
            let (one, other) = (folders[0].clone(), folder.clone());
            return Err(MergeError::Different { one, other, why });
        }
        while let Some((batch, line)) = contents.next_line()? {
            let digest = xxh3_64(&line);
            if let Some(place) = places.get(&batch.seed) {
                if place.digest != digest {
                    let (one, other) = (folders[place.folder].clone(), folder.clone());
                    return Err(MergeError::Contradiction { seed: batch.seed, one, other });
                }
                continue;
            }
            let (bytes, offset) = (line.len(), contents.bytes() - line.len() as u64);
            places.insert(batch.seed, Place { folder: number, offset, bytes, digest });
            summary.add(&batch);
        }
        if contents.cut_short {
            cut_short.push(folder.clone());
        }
    }
    let (summary, places) = found.expect("there is a folder");
    write(folders, out, &summary.header, places.values()).map_err(StoreError::from)?;
    Ok(Merged { summary, cut_short })
}

fn write<'p>(
    folders: &[PathBuf],
    out: &Path,
    header: &Header,
    places: impl Iterator<Item = &'p Place>,
) -> Result<(), WriteError> {
    let path = out.join(FILE);
    let temporary = out.join(format!(".{FILE}.{}", std::process::id()));
    let copy = || -> io::Result<()> {
        fs::create_dir_all(out)?;
        let mut files: Vec<File> =
            folders.iter().map(|folder| File::open(folder.join(FILE))).collect::<io::Result<_>>()?;
        let mut to = BufWriter::new(File::create(&temporary)?);
        serde_json::to_writer(&mut to, header)?;
        to.write_all(b"\n")?;
        let mut line = Vec::new();
        for place in places {
            line.resize(place.bytes, 0);
            files[place.folder].seek(SeekFrom::Start(place.offset))?;
            files[place.folder].read_exact(&mut line)?;
            to.write_all(&line)?;
        }
        to.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&temporary, &path)
    };
    copy().map_err(|error| {
        // The write has failed already; a temporary file that cannot be removed either changes nothing.
        let _ = fs::remove_file(&temporary);
        WriteError { path: path.clone(), error }
    })
}

/// Writes the faces of a report into the folder of an exploration.
///
/// # Errors
/// The first file that cannot be written.
pub fn write_report(folder: &Path, report: &super::ExploreReport) -> Result<(), WriteError> {
    folder::put(&folder.join("report.md"), super::markdown(report).as_bytes())?;
    folder::put(&folder.join("report.json"), super::json(report).as_bytes())
}
