//! What stands on every gateway before a run, beside the APIs that workloads speak of.

use serde::{Deserialize, Serialize};

/// At most this many APIs stand on one gateway, those of tenants among them: each is several files.
pub const APIS_MAX: u64 = 20_000;
/// At most so many tenants: each is a tree of folders.
pub const TENANTS_MAX: u64 = 2_000;

/// How much is deployed when a run begins. Nothing, unless a scenario says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    /// APIs `api-1`, `api-2` and so on, revision 1 of each.
    pub apis: u32,
    /// Tenants, numbered from 1.
    pub tenants: u32,
    /// APIs of each tenant, `api-1` and so on.
    pub apis_per_tenant: u32,
}

impl Content {
    /// Whether a scenario says nothing of content.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How many APIs that makes on each gateway.
    pub fn apis_in_all(&self) -> u64 {
        u64::from(self.apis) + u64::from(self.tenants) * u64::from(self.apis_per_tenant)
    }
}
