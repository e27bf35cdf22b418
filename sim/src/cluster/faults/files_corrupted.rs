//! Bytes of files below the synced folder turn to zeros.

use harness::plan::{DamagedFiles, Fault, MtimeOfDamage};

use super::files::{draw, files_below};
use super::{Stage, had_no_effect, synced_folders_of};

pub(super) fn inject(fault: &Fault, files: &DamagedFiles, mtime: MtimeOfDamage, stage: &mut Stage<'_>) {
    for (name, root) in synced_folders_of(fault, stage) {
        let host = stage.nodes.host(&name);
        let new_mtime_ns = (mtime == MtimeOfDamage::Changed).then(|| host.unix_ns());
        let paths = match files {
            DamagedFiles::Named(paths) => paths.clone(),
            DamagedFiles::Count(count) => {
                let mut rng = stage.engine.rng(&format!("fault/{}/files of {name}", fault.name));
                draw(&mut rng, files_below(host, &root), *count)
            }
        };
        let mut damaged = 0;
        for path in paths {
            let result = host.disk_mut().corrupt(format!("{root}/{path}"), new_mtime_ns);
            damaged += u32::from(result.is_ok());
        }
        if damaged == 0 {
            had_no_effect(host, fault, "there is no such file that could be damaged".to_owned());
        }
    }
}
