//! A hosts file, read as glibc reads `/etc/hosts`.

use std::net::IpAddr;

use harness::finding::{Finding, Findings, Source};

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
        for entry in self.entries_of(name) {
            if !found.contains(&entry.address) {
                found.push(entry.address);
            }
        }
        found
    }

    /// The first of these addresses.
    pub fn resolve_first(&self, name: &str) -> Option<IpAddr> {
        name.parse().ok().or_else(|| Some(self.entries_of(name).next()?.address))
    }

    fn entries_of(&self, name: &str) -> impl Iterator<Item = &HostsEntry> {
        self.entries
            .iter()
            .filter(move |entry| entry.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// The same file without a name, or with another address for it.
    #[must_use]
    pub fn with_name_at(mut self, name: &str, address: Option<IpAddr>) -> Self {
        for entry in &mut self.entries {
            entry.names.retain(|known| !known.eq_ignore_ascii_case(name));
        }
        self.entries.retain(|entry| !entry.names.is_empty());
        let entry = address.map(|address| HostsEntry { address, names: vec![name.to_owned()] });
        self.entries.extend(entry);
        self
    }

    /// All names of the file, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().flat_map(|entry| entry.names.iter().map(String::as_str))
    }
}

/// Reads a hosts file; lines that glibc would skip are warnings.
pub(super) fn read(source: &Source, findings: &mut Findings) -> HostsFile {
    let mut entries = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let span = start..start + line.trim_end().len();
        start += line.len();
        let content = line.split('#').next().unwrap_or_default();
        let mut words = content.split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        let names: Vec<String> = words.map(str::to_owned).collect();
        let Ok(address) = first.parse() else {
            let message = format!("`{first}` is not an IP address, so that this line is ignored");
            findings.push(
                Finding::warning(source, span, message)
                    .help("a line is an address, then the names that it has"),
            );
            continue;
        };
        if names.is_empty() {
            findings.push(Finding::warning(source, span, "an address without a name is ignored"));
            continue;
        }
        let odd = |c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c);
        for name in names.iter().filter(|name| name.contains(odd)) {
            let message = format!("no host can be called `{name}`");
            findings.push(
                Finding::warning(source, span.clone(), message).help("names stand alone, between blanks"),
            );
        }
        entries.push(HostsEntry { address, names });
    }
    HostsFile { entries }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> (HostsFile, Findings) {
        let mut findings = Findings::new();
        let hosts = read(&Source::new("hosts", text), &mut findings);
        (hosts, findings)
    }

    #[test]
    fn every_line_with_a_name_gives_an_address_in_order() {
        let (hosts, findings) =
            parse("10.0.0.21 am.wso2.com # x y\n\n\t10.0.0.22\tw2 AM.WSO2.com\n::1 am.wso2.com\n");
        assert!(findings.is_empty());
        let addresses: Vec<_> = hosts.resolve("am.WSO2.com").iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.0.0.21", "10.0.0.22", "::1"]);
        assert_eq!(hosts.resolve("y"), Vec::<IpAddr>::new());
        assert_eq!(hosts.resolve("10.9.9.9").len(), 1);
    }

    #[test]
    fn lines_that_glibc_skips_are_warned_of() {
        let (hosts, findings) =
            parse("am.wso2.com 10.0.0.21\n010.0.0.1 oct\n10.1 short\n10.0.0.23\nfe80::1%lo s\n");
        assert_eq!(findings.iter().map(Finding::line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(!findings.has_errors() && hosts.entries.is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|[ 0-9.:#a\n\t]*") {
            parse(&text);
        }
    }
}
