//! The folders and files of a gateway's installation that matter here, as they are before its first start.

use std::io;

use harness::plan::ApiSpec;

use super::artifact::{self, ArtifactKind};
use crate::disk::Disk;

/// Folders of the mediation configuration whose artifacts the model does not deploy; they are carried.
const OTHER_FOLDERS: [&str; 4] = ["local-entries", "proxy-services", "tasks", "templates"];

/// What the sync carries: the folder of everything deployed, below a server's home.
pub fn deployment_root(home: &str) -> String {
    format!("{}/repository/deployment/server", home.trim_end_matches('/'))
}

/// The folder that holds the folders of artifacts.
pub(super) fn artifacts(home: &str) -> String {
    format!("{}/synapse-configs/default", deployment_root(home))
}

/// Writes what stands in a server's home before its first start: the folders, the sequences that come with the
/// installation, and revision 1 of each API. Servers that are given the same `now_ns` are in sync.
///
/// # Errors
/// As [`Disk::write`].
pub fn write_initial_tree(disk: &mut Disk, home: &str, apis: &[ApiSpec], now_ns: i64) -> io::Result<()> {
    let root = artifacts(home);
    let folders = ArtifactKind::ALL.map(ArtifactKind::folder);
    for folder in folders.iter().chain(&OTHER_FOLDERS) {
        disk.create_dir_all(format!("{root}/{folder}"), 0o755, now_ns)?;
    }
    disk.create_dir_all(temporary_folder(home), 0o755, now_ns)?;
    let registry = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<registry \
                    xmlns=\"http://ws.apache.org/ns/synapse\"/>\n";
    disk.write(format!("{root}/registry.xml"), registry, 0o644, now_ns)?;
    let of_apis = apis.iter().flat_map(|api| artifact::api_files(api, 1));
    for file in artifact::built_in_files().into_iter().chain(of_apis) {
        disk.write(format!("{root}/{}/{}", file.kind.folder(), file.name), file.text, 0o644, now_ns)?;
    }
    Ok(())
}

/// Empties the folder that the sync carries, as the guide advises before a worker's first start.
///
/// # Errors
/// As [`Disk::remove_dir_all`].
pub fn empty_deployment(disk: &mut Disk, home: &str, now_ns: i64) -> io::Result<()> {
    let root = deployment_root(home);
    disk.remove_dir_all(&root, now_ns)?;
    disk.create_dir_all(&root, 0o755, now_ns)
}

/// Where the server writes files before it copies them to their places.
pub(super) fn temporary_folder(home: &str) -> String {
    format!("{}/tmp", home.trim_end_matches('/'))
}
