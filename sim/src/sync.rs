//! The sync script: what cron runs on the manager, once a minute.
//!
//! It does what the documented script does, in its order: an EXIT trap that removes the lock (set before the lock
//! is taken, so that a run that does not get the lock removes the holder's), the log folder, the lock by mkdir,
//! then rsync for each line of the workers list, one after another, whatever became of the one before. Its exit
//! status is that of its last echo, 0; without the lock it is 1.

use std::rc::Rc;
use std::time::Duration;

use harness::trace::{EventKind, mark};

use crate::config::{SyncConfig, WorkerTarget};
use crate::host::Host;
use crate::planted::PlantedBug;
use crate::process::Process;

/// Where the lock stands. The guide leaves the folder to the operator.
const LOCK: &str = "/var/lock/carbon-depsync";
/// Where the script logs.
const LOG_FOLDER: &str = "/var/log/carbon-rsync-logs";

/// What a run of the script needs.
#[derive(Debug)]
pub struct SyncRun {
    /// Its number on this host, from 1.
    pub run: u64,
    /// The workers list and the command line.
    pub config: Rc<SyncConfig>,
    /// A planted bug.
    pub planted: Option<PlantedBug>,
}

/// Starts one run of the script; `transfer` starts rsync for one line of the workers list, as a process of its own.
pub fn start<T>(host: &Host, sync: SyncRun, transfer: T) -> Process
where
    T: Fn(&Host, u64, &WorkerTarget) -> Process + 'static,
{
    host.spawn("sync", |process| async move {
        let exit_code = script(&process, &sync, transfer).await;
        process.set_exit_code(exit_code);
        process.record(EventKind::SyncEnded { run: sync.run, exit_code });
    })
}

async fn script<T>(process: &Process, sync: &SyncRun, transfer: T) -> i32
where
    T: Fn(&Host, u64, &WorkerTarget) -> Process,
{
    process.record(EventKind::SyncStarted { run: sync.run });
    let fs = process.fs();
    let _ = fs.write(|disk, now_ns| disk.create_dir_all(LOG_FOLDER, 0o755, now_ns));
    // The lock's own folder is there on every host; the lock itself must not be.
    let _ = fs.write(|disk, now_ns| disk.create_dir_all("/var/lock", 0o1777, now_ns));
    if sync.planted == Some(PlantedBug::SyncWaitsForSync) {
        while !process.host().processes("rsync").is_empty() {
            process.sleep(Duration::from_secs(1)).await;
        }
        let _ = fs.write(|disk, now_ns| disk.remove_dir_all(LOCK, now_ns));
    }
    let exit_code = match fs.write(|disk, now_ns| disk.create_dir(LOCK, 0o755, now_ns)) {
        Ok(()) => {
            for worker in &sync.config.workers {
                transfer(process.host(), sync.run, worker).wait().await;
            }
            0
        }
        Err(_) => {
            process.record(EventKind::Mark { mark: mark::LOCK_HELD.into() });
            process.log(format!("mkdir: cannot create directory '{LOCK}': File exists"));
            if sync.planted == Some(PlantedBug::KilledSyncLeavesLock) {
                return 1;
            }
            1
        }
    };
    // The trap: it does not ask whose lock it is.
    let _ = fs.write(|disk, now_ns| disk.remove_dir_all(LOCK, now_ns));
    exit_code
}
