//! The hot deployer: compares the artifact files with what it knows of them, and deploys the difference.
//!
//! It goes by modification times alone, and they need only differ. What it has seen it knows, whether the
//! deployment succeeded or not: a failed one is not tried again until the time changes.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::iter::Peekable;

use bytes::Bytes;
use harness::time::SimTime;
use harness::trace::EventKind;

use super::artifact::{self, Artifact, ArtifactError, ArtifactKind};
use super::runtime::{FileKey, News};
use super::{Server, mark};
use crate::config::{DeletionRule, RejectedUpdate};
use crate::disk::Kind;
use crate::planted::PlantedBug;

/// What the deployer has seen.
#[derive(Debug, Default)]
pub(super) struct KnownFiles {
    /// Each file's modification time, in nanoseconds since 1970.
    mtimes: BTreeMap<FileKey, i64>,
    /// How often a file was replaced by what was deployed from it before.
    restored: BTreeMap<FileKey, u32>,
    /// Files that went with their folder, which was marked.
    kept: Vec<FileKey>,
    /// Files whose last deployment failed.
    failed: Vec<FileKey>,
}

impl KnownFiles {
    /// What is there now, or that nothing is there, is no news any more.
    pub(super) fn remember(&mut self, file: &FileKey, mtime_ns: Option<i64>) {
        match mtime_ns {
            Some(mtime_ns) => drop(self.mtimes.insert(file.clone(), mtime_ns)),
            None => drop(self.mtimes.remove(file)),
        }
        self.failed.retain(|failed| failed != file);
    }

    /// Whether the last deployment of some file failed.
    pub(super) fn any_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Whether the last deployment of some API failed: one of a sequence or an endpoint is not asked for.
    pub(super) fn any_api_failed(&self) -> bool {
        self.failed.iter().any(|(kind, _)| *kind == ArtifactKind::Api)
    }

    fn note_failed(&mut self, file: &FileKey) {
        if !self.failed.contains(file) {
            self.failed.push(file.clone());
        }
    }
}

/// Reads all artifacts into the mediation engine before it starts; this takes no 2 s a file.
pub(super) fn load(server: &Server) {
    let now_ns = server.process.host().unix_ns();
    let skips_new =
        server.restarted && server.config.read_only && server.has(PlantedBug::RestartedWorkerSkipsNewFiles);
    for (file, mtime_ns) in list(server) {
        if skips_new && now_ns - mtime_ns < 300_000_000_000 {
            server.known.borrow_mut().mtimes.insert(file, mtime_ns);
            continue;
        }
        server.known.borrow_mut().mtimes.insert(file.clone(), mtime_ns);
        match read(server, &file) {
            Ok((artifact, bytes)) => deploy(server, &file, artifact, bytes),
            Err(error) => failed(server, &file, &error.to_string()),
        }
    }
    server.runtime.borrow_mut().add_defaults();
}

/// Scans until the server ends: the first time when it began, then `scan_interval` after the end of the last.
pub(super) async fn run(server: &Server, begun: SimTime) {
    let interval = server.model.scan_interval;
    let mut next = begun;
    // What was to be seen before the artifacts were read is known from reading them.
    while next <= server.process.now() && !interval.is_zero() {
        next += interval;
    }
    let started_at = begun + server.model.start_up;
    loop {
        server.process.sleep_until(next).await;
        server.process.record(EventKind::ScanStarted);
        if server.process.now() >= started_at {
            scan(server).await;
        } else if server.model.skips_arrivals_during_start_up {
            skip_arrivals(server);
        }
        let failed = server.known.borrow().any_failed();
        if server.scans_over.get()
            || (failed && server.config.read_only && server.has(PlantedBug::FailedDeploymentEndsScans))
        {
            return;
        }
        // An interval of zero would let no time pass.
        next = server.process.now() + interval.max(std::time::Duration::from_millis(1));
    }
}

/// A scan while the engine is not running: what is new is noted as seen, and not deployed.
fn skip_arrivals(server: &Server) {
    let arrived = changed(server, &list(server));
    for (file, mtime_ns) in &arrived {
        server.known.borrow_mut().mtimes.insert(file.clone(), *mtime_ns);
    }
    if !arrived.is_empty() {
        server.mark(mark::SKIPPED_AT_START_UP);
        server.stuck.set(server.has(PlantedBug::ArrivalDuringStartUpStopsServer));
    }
}

async fn scan(server: &Server) {
    let found = list(server);
    // Each file is compared as it is looked at: what the server writes and deletes while a slow disk holds the scan up is
    // its own doing, and no news.
    let undeployed = undeploy_gone(server, &found);
    let changed = changed(server, &found);
    for (file, mtime_ns) in &changed {
        server.known.borrow_mut().mtimes.insert(file.clone(), *mtime_ns);
    }
    server.process.disk_done().await;
    server.updating.set(true);
    for (file, _) in &changed {
        let found = read(server, file);
        server.process.disk_done().await;
        match found {
            Ok(_)
                if server.has(PlantedBug::RejectedFileIsNeverAccepted)
                    && server.known.borrow().restored.contains_key(file) =>
            {
                failed(server, file, "was rejected before");
                restore(server, file);
            }
            Ok((artifact, bytes)) => {
                let is_update = server.runtime.borrow().deployed_bytes(file).is_some();
                deploy(server, file, artifact, bytes);
                if is_update {
                    // The old artifact is given this time to finish what it is doing.
                    server.process.work(server.model.hot_update).await;
                }
            }
            Err(error) => {
                failed(server, file, &error.to_string());
                if server.model.rejected_update == RejectedUpdate::Restore {
                    restore(server, file);
                }
            }
        }
    }
    server.updating.set(false);
    if undeployed || !changed.is_empty() {
        server.tell_torn();
        if server.config.read_only && server.has(PlantedBug::TornSnapshotStays) && server.is_torn() {
            server.scans_over.set(true);
        }
    }
}

/// Every artifact file with its modification time, in the order of deployment, which is that of [`FileKey`]: a
/// gateway of thousands of APIs does this every 15 s, so nothing is sorted or searched.
fn list(server: &Server) -> Vec<(FileKey, i64)> {
    let fs = server.process.fs();
    let mut found = Vec::new();
    for kind in ArtifactKind::ALL {
        // A folder that cannot be read is one without files.
        for entry in fs.read(|disk| disk.read_dir(server.folder(kind))).unwrap_or_default() {
            if entry.stat.kind == Kind::File && entry.name.ends_with(b".xml") {
                found.push(((kind, entry.name), entry.stat.mtime_ns));
            }
        }
    }
    found
}

fn changed(server: &Server, found: &[(FileKey, i64)]) -> Vec<(FileKey, i64)> {
    let known = server.known.borrow();
    let mut known = known.mtimes.iter().peekable();
    let is_news = |(file, mtime_ns): &&(FileKey, i64)| come_to(file, &mut known) != Some(mtime_ns);
    found.iter().filter(is_news).cloned().collect()
}

/// Goes on, in files that are in order, to this one; its modification time, if it is there.
fn come_to<'a>(
    file: &FileKey,
    files: &mut Peekable<impl Iterator<Item = (&'a FileKey, &'a i64)>>,
) -> Option<&'a i64> {
    loop {
        match files.peek()?.0.cmp(file) {
            Ordering::Less => drop(files.next()),
            Ordering::Equal => return files.next().map(|(_, mtime_ns)| mtime_ns),
            Ordering::Greater => return None,
        }
    }
}

/// Whether something was undeployed.
fn undeploy_gone(server: &Server, found: &[(FileKey, i64)]) -> bool {
    let mut there = found.iter().map(|(file, mtime_ns)| (file, mtime_ns)).peekable();
    let is_gone = |file: &&FileKey| come_to(file, &mut there).is_none();
    let gone: Vec<FileKey> = server.known.borrow().mtimes.keys().filter(is_gone).cloned().collect();
    let mut undeployed = false;
    for file in gone {
        let folder_is_there = server.process.host().disk().exists(server.folder(file.0));
        let mut known = server.known.borrow_mut();
        if server.model.deletion == DeletionRule::ParentExists && !folder_is_there {
            if !known.kept.contains(&file) {
                known.kept.push(file);
                server.mark(mark::KEPT_WITHOUT_FOLDER);
            }
            continue;
        }
        if server.runtime.borrow().is_permanent(&file) {
            drop(known);
            restore(server, &file);
            continue;
        }
        known.remember(&file, None);
        known.kept.retain(|kept| *kept != file);
        drop(known);
        let news = server.runtime.borrow_mut().undeploy(&file);
        server.tell(news);
        undeployed = true;
    }
    undeployed
}

fn read(server: &Server, file: &FileKey) -> Result<(Artifact, Bytes), ArtifactError> {
    let bytes = server.process.fs().read(|disk| disk.read(path(server, file)))?;
    Ok((artifact::read(file.0, &bytes)?, bytes))
}

fn deploy(server: &Server, file: &FileKey, artifact: Artifact, bytes: Bytes) {
    let deployed = server.runtime.borrow_mut().deploy(file, artifact, bytes);
    match deployed {
        Ok(news) => {
            server.tell(news);
            let mut known = server.known.borrow_mut();
            known.failed.retain(|failed| failed != file);
            known.restored.remove(file);
        }
        Err(error) => failed(server, file, &error.to_string()),
    }
}

fn failed(server: &Server, file: &FileKey, why: &str) {
    server.known.borrow_mut().note_failed(file);
    let path = String::from_utf8_lossy(&path(server, file)).into();
    server.process.record(EventKind::DeployFailed { path, why: why.into() });
}

/// Writes what is in service back to its file.
fn restore(server: &Server, file: &FileKey) {
    let Some(bytes) = server.runtime.borrow().deployed_bytes(file).cloned() else { return };
    server.mark(mark::RESTORED);
    let written: io::Result<i64> = server.process.fs().write(|disk, now_ns| {
        disk.create_dir_all(server.folder(file.0), 0o755, now_ns)?;
        disk.write(path(server, file), bytes, 0o644, now_ns)?;
        Ok(disk.stat(path(server, file))?.mtime_ns)
    });
    match written {
        Ok(mtime_ns) => {
            let mut known = server.known.borrow_mut();
            known.remember(file, Some(mtime_ns));
            let times = known.restored.entry(file.clone()).or_default();
            *times += 1;
            if *times > 1 {
                server.mark(mark::RESTORE_LOOP);
            }
        }
        Err(error) => server.process.log(format!("ERROR - the artifact could not be restored: {error}")),
    }
}

/// The path of an artifact's file.
pub(super) fn path(server: &Server, file: &FileKey) -> Vec<u8> {
    [server.artifacts().as_bytes(), b"/", file.0.folder().as_bytes(), b"/", &file.1].concat()
}

/// Puts artifacts into service that came by a request and not from a file.
///
/// # Errors
/// In words, when one of them cannot be deployed; those before it are.
pub(super) fn deploy_directly(server: &Server, files: &[artifact::ArtifactFile]) -> Result<(), String> {
    let mut news: Vec<News> = Vec::new();
    for file in files {
        let bytes = Bytes::copy_from_slice(file.text.as_bytes());
        let artifact = artifact::read(file.kind, &bytes).map_err(|error| error.to_string())?;
        let key = (file.kind, Bytes::copy_from_slice(file.name.as_bytes()));
        let deployed = server.runtime.borrow_mut().deploy(&key, artifact, bytes);
        news.extend(deployed.map_err(|error| error.to_string())?);
    }
    server.tell(news);
    Ok(())
}
