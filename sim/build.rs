//! Says of which sources the program is built, so that plans and results can: two builds of one version may run a plan
//! differently.
//!
//! It is a fingerprint of what can change a run: the sources of this package and of `harness`, and the versions of what they
//! depend on. Neither a repository nor a clock has a part in it, so equal sources have the same everywhere.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use xxhash_rust::xxh3::Xxh3;

fn main() -> io::Result<()> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
    let mut hash = Xxh3::new();
    // Packed without the workspace, only its own folder is there.
    for name in ["src", "../harness/src", "../Cargo.lock"] {
        let path = package.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        if path.exists() {
            add(&mut hash, &path, name)?;
        }
    }
    println!("cargo::rustc-env=SIM_SOURCES={:08x}", hash.digest() >> 32);
    Ok(())
}

/// Adds a file, or the sources in a folder, under a name that does not depend on where the repository stands.
fn add(hash: &mut Xxh3, path: &Path, name: &str) -> io::Result<()> {
    if path.is_file() {
        // Line ends are git's to choose.
        let text = fs::read_to_string(path)?.replace("\r\n", "\n");
        hash.update(format!("{name}\n{}\n", text.len()).as_bytes());
        hash.update(text.as_bytes());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    for entry in entries {
        let is_source = entry.extension().is_some_and(|extension| extension == "rs");
        if let (true, Some(own)) =
            (entry.is_dir() || is_source, entry.file_name().and_then(|own| own.to_str()))
        {
            add(hash, &entry, &format!("{name}/{own}"))?;
        }
    }
    Ok(())
}
