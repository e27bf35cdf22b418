//! The lock of a sync run that is gone lies around. A run that meets it removes it, as the documented script does; what
//! still lies there at the end somebody removes.

use harness::plan::Fault;

use super::{Stage, gateways_of, had_no_effect};
use crate::disk::errno;
use crate::sync::LOCK;

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in gateways_of(fault, stage) {
        let host = stage.nodes.host(&name);
        let made = host.fs("operator").write(|disk, now_ns| {
            disk.create_dir_all("/var/lock", 0o1777, now_ns)?;
            disk.create_dir(LOCK, 0o755, now_ns)?;
            disk.lstat(LOCK)
        });
        match made {
            Ok(stat) => {
                stage.held.locks.entry(name.clone()).or_default().push((fault.name.clone(), stat.ino));
            }
            Err(error) if error.raw_os_error() == Some(errno::EEXIST) => {
                had_no_effect(host, fault, "the lock is held already".to_owned());
            }
            Err(error) => {
                let why = errno::message(error.raw_os_error().unwrap_or_default());
                had_no_effect(host, fault, format!("{LOCK}: {why}"));
            }
        }
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let Some(locks) = stage.held.locks.get_mut(&name) else { continue };
        let host = stage.nodes.host(&name);
        locks.retain(|(holder, ino)| {
            // A lock that a run has made since is that run's.
            let is_there = host.disk().lstat(LOCK).is_ok_and(|stat| stat.ino == *ino);
            if *holder == fault.name && is_there {
                let _ = host.fs("operator").write(|disk, now_ns| disk.remove_dir_all(LOCK, now_ns));
            }
            *holder != fault.name
        });
    }
}
