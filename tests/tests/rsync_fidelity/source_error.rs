//! A source file that cannot be read to its end: the real one reads it under strace, which lets every read of it fail
//! with EIO, the model with `--source-io-error`.

use std::io;
use std::process::{Command, Stdio};

use super::case::{Case, Entry, Node};
use super::compare::differs;
use super::parts;
use super::run::{self, Modelled};

/// Options under which the error is met.
pub const OPTIONS: [&str; 13] = [
    "-v",
    "-ii",
    "-c",
    "--no-whole-file",
    "--partial",
    "--partial-dir=.part",
    "--inplace",
    "--append",
    "--delay-updates",
    "--delete",
    "--delete-after",
    "--backup",
    "--stats",
];
const SMALL_BYTES: u32 = 300;
const LARGE_BYTES: u32 = 90_000;
/// How often the real one is run at most: what its processes say first is a matter of time.
const RUNS_MAX: usize = 6;

/// Whether strace is installed and may trace.
pub fn has_strace() -> bool {
    let mut command = Command::new("strace");
    let command = command.args(["-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The case in which `src/1` cannot be read; of it an old part may lie in a folder.
fn case(option: &str, bytes: u32, part_in: Option<&str>) -> Case {
    let entry = Entry::plain;
    let file = |path, bytes, byte| entry(path, Node::File(vec![(bytes, byte)]));
    let mut entries = vec![
        entry("src", Node::Folder),
        file("src/0", SMALL_BYTES, 1),
        file("src/1", bytes, 2),
        file("src/2", SMALL_BYTES, 3),
        entry("src/folder", Node::Folder),
        file("src/folder/last", SMALL_BYTES, 4),
        entry("dst", Node::Folder),
        file("dst/1", 50, 2),
        file("dst/surplus", 5, 9),
    ];
    if let Some(folder) = part_in {
        entries.extend(parts::old(folder, "1", vec![(bytes / 2, 2), (70, 3)]));
    }
    let args = ["-a", option, "src/", "dst/"].map(|arg| arg.as_bytes().to_vec()).to_vec();
    Case { title: format!("{option} with {bytes} bytes"), args, entries }
}

/// Compares the two; gives how they differ.
///
/// # Errors
/// When a run could not be made.
pub fn difference(option: &str, part_in: Option<&str>) -> io::Result<Option<String>> {
    for bytes in [SMALL_BYTES, LARGE_BYTES] {
        let case = case(option, bytes, part_in);
        let Modelled::Seen(modelled) = run::model_with(&case, &["--source-io-error=src/1"])? else {
            return Ok(Some("the model refuses it".to_owned()));
        };
        let mut found = None;
        for _ in 0..RUNS_MAX {
            let real = run::real_under(&case, |ground| {
                let words = ["strace", "-f", "-qq", "-o", "/dev/null", "-P"].map(str::to_owned);
                let path = ground.join("src/1").display().to_string();
                let fails =
                    ["-e", "trace=read,pread64", "-e", "inject=read,pread64:error=EIO"].map(str::to_owned);
                words.into_iter().chain([path]).chain(fails).collect()
            })?;
            found = differs(&real, &modelled);
            if found.is_none() {
                break;
            }
        }
        if let Some((what, how)) = found {
            return Ok(Some(format!("{what} differs:\n{case}{how}")));
        }
    }
    Ok(None)
}
