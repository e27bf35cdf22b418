//! The `[model]` table of `cluster.toml`: how the gateway behaves where neither its documentation nor its
//! source settles it. Each field is a row of MODEL.md.

use std::time::Duration;

use harness::finding::Findings;

use super::table::Table;

/// Whether `-Dprofile=gateway-worker` alone makes a server read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnlyReading {
    /// `guide`: it does, as the guide says.
    Guide,
    /// `source`: only `-DworkerNode=true` does, as the code reads.
    Source,
}

impl ReadOnlyReading {
    /// Its name in `cluster.toml`.
    pub fn name(self) -> &'static str {
        match self {
            ReadOnlyReading::Guide => "guide",
            ReadOnlyReading::Source => "source",
        }
    }
}

/// What a worker does when an artifact's file is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionRule {
    /// `parent-exists`: it undeploys only if the folder that held the file is still there (3.1 and later).
    ParentExists,
    /// `always`: it undeploys (before 3.1).
    Always,
}

/// What a worker does with an update that it cannot deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedUpdate {
    /// `restore`: it keeps the old artifact in service and writes it back over the file.
    Restore,
    /// `keep-file`: it keeps the old artifact in service and leaves the file alone.
    KeepFile,
}

/// Behaviour and times of the gateway that are inferred or unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelSettings {
    /// What makes a worker read-only. Already applied in [`GatewayConfig::read_only`](super::GatewayConfig).
    pub read_only: ReadOnlyReading,
    /// From the start of the process until the pass-through ports listen.
    pub start_up: Duration,
    /// From then until the servlet ports listen.
    pub servlet_after_pass_through: Duration,
    /// How often the idle queue of writes to disk is looked at.
    pub persistence_poll: Duration,
    /// How long the copy of one artifact to its place takes, during which the file is incomplete.
    pub artifact_copy: Duration,
    /// From the end of a scan for changed artifacts to the next one.
    pub scan_interval: Duration,
    /// The time to deploy one changed artifact; they go one after another.
    pub hot_update: Duration,
    /// Whether artifacts that arrive after the start-up scan and before the mediation engine runs are known
    /// but skipped until their file changes or the server restarts.
    pub skips_arrivals_during_start_up: bool,
    /// What happens when a file is gone.
    pub deletion: DeletionRule,
    /// What happens when an update is malformed.
    pub rejected_update: RejectedUpdate,
    /// The time to answer an API call on the pass-through ports.
    pub serve_api: Duration,
    /// The time to answer a management request on the servlet ports.
    pub serve_management: Duration,
    /// The time to set up an ssh connection, beyond the network's: key exchange and login.
    pub ssh_login: Duration,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            read_only: ReadOnlyReading::Guide,
            start_up: Duration::from_secs(60),
            servlet_after_pass_through: Duration::from_secs(5),
            persistence_poll: Duration::from_secs(5),
            artifact_copy: Duration::from_millis(2),
            scan_interval: Duration::from_secs(15),
            hot_update: Duration::from_secs(2),
            skips_arrivals_during_start_up: true,
            deletion: DeletionRule::ParentExists,
            rejected_update: RejectedUpdate::Restore,
            serve_api: Duration::from_millis(2),
            serve_management: Duration::from_millis(50),
            ssh_login: Duration::from_millis(200),
        }
    }
}

/// A time of the gateway beyond this is a typing error.
const TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// Reads the `[model]` table; what is missing keeps its default.
pub(super) fn read(mut table: Table<'_>, findings: &mut Findings) -> ModelSettings {
    let mut settings = ModelSettings::default();
    let readings = [("guide", ReadOnlyReading::Guide), ("source", ReadOnlyReading::Source)];
    if let Some(reading) = table.choice("read_only", &readings, findings) {
        settings.read_only = reading;
    }
    let rules = [("parent-exists", DeletionRule::ParentExists), ("always", DeletionRule::Always)];
    if let Some(rule) = table.choice("deletion", &rules, findings) {
        settings.deletion = rule;
    }
    let choices = [("restore", RejectedUpdate::Restore), ("keep-file", RejectedUpdate::KeepFile)];
    if let Some(choice) = table.choice("rejected_update", &choices, findings) {
        settings.rejected_update = choice;
    }
    if let Some(skips) = table.boolean("skips_arrivals_during_start_up", findings) {
        settings.skips_arrivals_during_start_up = skips;
    }
    for (key, setting) in [
        ("start_up", &mut settings.start_up),
        ("servlet_after_pass_through", &mut settings.servlet_after_pass_through),
        ("persistence_poll", &mut settings.persistence_poll),
        ("artifact_copy", &mut settings.artifact_copy),
        ("scan_interval", &mut settings.scan_interval),
        ("hot_update", &mut settings.hot_update),
        ("serve_api", &mut settings.serve_api),
        ("serve_management", &mut settings.serve_management),
        ("ssh_login", &mut settings.ssh_login),
    ] {
        let Some(value) = table.duration(key, findings) else { continue };
        if value > TIME_MAX {
            findings.push(table.about(key, format!("a {key} of more than a day is not modelled")));
        } else if value.is_zero() && ["persistence_poll", "scan_interval"].contains(&key) {
            findings.push(table.about(key, format!("`{key}` is what is waited between two looks: not zero")));
        } else {
            *setting = value;
        }
    }
    table.finish(findings);
    settings
}
