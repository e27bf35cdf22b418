//! A hosts file, read as glibc reads `/etc/hosts`.

use std::net::IpAddr;

/// A host's `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostsFile {
    /// The lines, in order.
    pub entries: Vec<HostsEntry>,
}

/// One line: an address and its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostsEntry {
    /// The address.
    pub address: IpAddr,
    /// Its canonical name, then its aliases, as written.
    pub names: Vec<String>,
}

impl HostsFile {
    /// Every address of `name`, in the order of the file; none when no line has it. A name that is an address
    /// stands for itself. Capitals do not matter.
    pub fn resolve(&self, name: &str) -> Vec<IpAddr> {
        if let Ok(address) = name.parse() {
            return vec![address];
        }
        let mut found = Vec::new();
        for entry in &self.entries {
            let named = entry.names.iter().any(|known| known.eq_ignore_ascii_case(name));
            if named && !found.contains(&entry.address) {
                found.push(entry.address);
            }
        }
        found
    }

    /// All names of the file, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().flat_map(|entry| entry.names.iter().map(String::as_str))
    }
}
