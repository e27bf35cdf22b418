//! Somebody changes a file below the synced folder by hand, as the trace says: its writer is `operator`.

use harness::plan::{Fault, HandChange};

use super::files::{draw, files_below};
use super::{Stage, had_no_effect, synced_folders_of};

/// The file that somebody leaves when nothing else is said.
const ADDED: &str = "left-by-hand.txt";

pub(super) fn inject(fault: &Fault, does: HandChange, file: Option<&str>, stage: &mut Stage<'_>) {
    for (name, root) in synced_folders_of(fault, stage) {
        let host = stage.nodes.host(&name);
        if !host.is_powered() {
            had_no_effect(host, fault, format!("{name} has no power: nobody can log in"));
            continue;
        }
        let drawn = || {
            let mut rng = stage.engine.rng(&format!("fault/{}/files of {name}", fault.name));
            draw(&mut rng, files_below(host, &root), 1).pop()
        };
        let file = match does {
            HandChange::Add => Some(file.unwrap_or(ADDED).to_owned()),
            HandChange::Edit | HandChange::Delete => file.map(str::to_owned).or_else(drawn),
        };
        let path = format!("{root}/{}", file.unwrap_or_default());
        let done = host.fs("operator").write(|disk, now_ns| match does {
            HandChange::Edit => {
                let mut content = disk.read(&path)?.to_vec();
                content.extend_from_slice(b"<!-- edited by hand -->\n");
                disk.write(&path, content, 0o644, now_ns)
            }
            HandChange::Delete => disk.remove_file(&path, now_ns),
            HandChange::Add => {
                let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
                disk.create_dir_all(folder, 0o755, now_ns)?;
                disk.write(&path, "left by hand\n", 0o644, now_ns)
            }
        });
        if let Err(error) = done {
            let why = crate::disk::errno::message(error.raw_os_error().unwrap_or_default());
            had_no_effect(host, fault, format!("{path}: {why}"));
        }
    }
}
