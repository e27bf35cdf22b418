//! The folders and files of a gateway's installation that matter here, as they are before its first start.

use std::io;

use harness::plan::ApiSpec;

use super::artifact::{self, ArtifactFile, ArtifactKind};
use crate::disk::Disk;

/// Folders of the mediation configuration whose artifacts the model does not deploy; they are carried.
const OTHER_FOLDERS: [&str; 4] = ["local-entries", "proxy-services", "tasks", "templates"];
/// The first version of every API.
const VERSION: &str = "1.0.0";

/// What a gateway has before its first start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InitialContent {
    /// APIs, revision 1 of each.
    pub apis: Vec<ApiSpec>,
    /// Tenants, numbered from 1.
    pub tenants: u32,
    /// APIs of each tenant: `api-1` and so on.
    pub apis_per_tenant: u32,
}

/// What the sync carries: the folder of everything deployed, below a server's home.
pub fn deployment_root(home: &str) -> String {
    format!("{}/repository/deployment/server", home.trim_end_matches('/'))
}

/// The folder that holds a folder for each tenant, below a server's home. It lies outside of
/// [`deployment_root`]: the documented sync does not carry it.
pub fn tenants_root(home: &str) -> String {
    format!("{}/repository/tenants", home.trim_end_matches('/'))
}

/// The folder that holds the folders of artifacts.
pub(super) fn artifacts(home: &str) -> String {
    format!("{}/{ARTIFACTS}", deployment_root(home))
}

const ARTIFACTS: &str = "synapse-configs/default";

/// Writes what stands in a server's home before its first start: the folders, the sequences that come with the
/// installation, revision 1 of each API, and each tenant's tree. Servers that are given the same `now_ns` are in
/// sync.
///
/// # Errors
/// As [`Disk::write`].
pub fn write_initial_tree(
    disk: &mut Disk,
    home: &str,
    content: &InitialContent,
    now_ns: i64,
) -> io::Result<()> {
    disk.create_dir_all(temporary_folder(home), 0o755, now_ns)?;
    let of_apis = content.apis.iter().flat_map(|api| artifact::api_files(api, 1));
    write_artifacts(disk, &artifacts(home), of_apis, now_ns)?;
    for tenant in 1..=content.tenants {
        let domain = format!("tenant-{tenant}.example.com");
        let apis = (1..=content.apis_per_tenant).map(numbered_api);
        let of_apis = apis.flat_map(|api| artifact::tenant_api_files(&domain, &api, 1));
        let root = format!("{}/{tenant}/{ARTIFACTS}", tenants_root(home));
        write_artifacts(disk, &root, of_apis, now_ns)?;
    }
    Ok(())
}

/// The API of a number, `api-1` being the first, as workloads call them too.
pub fn numbered_api(number: u32) -> ApiSpec {
    ApiSpec { name: format!("api-{number}").into(), version: VERSION.into() }
}

/// One tree of mediation configuration: that of the server, or of a tenant.
fn write_artifacts(
    disk: &mut Disk,
    root: &str,
    of_apis: impl Iterator<Item = ArtifactFile>,
    now_ns: i64,
) -> io::Result<()> {
    let folders = ArtifactKind::ALL.map(ArtifactKind::folder);
    for folder in folders.iter().chain(&OTHER_FOLDERS) {
        disk.create_dir_all(format!("{root}/{folder}"), 0o755, now_ns)?;
    }
    let registry = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<registry \
                    xmlns=\"http://ws.apache.org/ns/synapse\"/>\n";
    disk.write(format!("{root}/registry.xml"), registry, 0o644, now_ns)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_has_its_own_tree_and_one_for_each_tenant() {
        let content = InitialContent { apis: vec![numbered_api(1)], tenants: 2, apis_per_tenant: 3 };
        let mut disk = Disk::default();
        write_initial_tree(&mut disk, "/opt/wso2am/", &content, 7).unwrap();
        let files = |root: &str| -> Vec<String> {
            let walked = disk.walk(root).unwrap();
            let below = walked.iter().map(|(path, _)| String::from_utf8_lossy(&path[root.len() + 1..]));
            below
                .filter(|path| path.starts_with("synapse-configs/default/api/"))
                .map(|path| path.into())
                .collect()
        };
        let own = files(&deployment_root("/opt/wso2am"));
        assert_eq!(own, ["synapse-configs/default/api/admin--api-1_v1.0.0.xml"]);
        let of_tenant = files("/opt/wso2am/repository/tenants/2");
        assert_eq!(of_tenant.len(), 3);
        assert!(of_tenant[0].ends_with("api/admin-AT-tenant-2.example.com--api-1_v1.0.0.xml"));
        assert!(disk.walk(tenants_root("/opt/wso2am")).unwrap().iter().all(|(_, stat)| stat.mtime_ns == 7));
    }
}
