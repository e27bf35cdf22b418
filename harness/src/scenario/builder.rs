//! Builds a scenario in Rust. What is built is the text of a scenario file, so that a test in Rust and a file
//! mean the same, give the same errors, and one can be turned into the other.

use std::path::PathBuf;

use toml::{Table, Value};

use super::Scenario;
use crate::cluster_files::ClusterFiles;
use crate::finding::{Finding, Findings, Source};

/// A scenario that is being built. Spans, rates and sentences are written as in a scenario file.
#[derive(Debug, Clone)]
pub struct Builder {
    name: String,
    top: Table,
    phases: Table,
    workloads: Vec<Value>,
    faults: Vec<Value>,
    expectations: Vec<Value>,
    replaced: Table,
    content: Table,
    cluster: Cluster,
}

#[derive(Debug, Clone)]
enum Cluster {
    None,
    Folder(PathBuf),
    Files(ClusterFiles),
}

impl Builder {
    pub(super) fn new(name: String, title: String) -> Self {
        let top = Table::from_iter([("title".to_owned(), Value::String(title))]);
        Self {
            name,
            top,
            phases: Table::new(),
            workloads: Vec::new(),
            faults: Vec::new(),
            expectations: Vec::new(),
            replaced: Table::new(),
            content: Table::new(),
            cluster: Cluster::None,
        }
    }

    /// The folder of the cluster's files.
    #[must_use]
    pub fn cluster(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cluster = Cluster::Folder(folder.into());
        self
    }

    /// The cluster's files themselves.
    #[must_use]
    pub fn cluster_files(mut self, files: ClusterFiles) -> Self {
        self.cluster = Cluster::Files(files);
        self
    }

    /// A text that takes the place of a file of the cluster's folder.
    #[must_use]
    pub fn replace_file(mut self, path: &str, text: &str) -> Self {
        self.replaced.insert(path.to_owned(), Value::String(text.to_owned()));
        self
    }

    /// How many APIs stand on every gateway from the start.
    #[must_use]
    pub fn apis(mut self, count: u32) -> Self {
        self.content.insert("apis".to_owned(), i64::from(count).into());
        self
    }

    /// How many tenants there are, and how many APIs each has.
    #[must_use]
    pub fn tenants(mut self, count: u32, apis_each: u32) -> Self {
        self.content.insert("tenants".to_owned(), i64::from(count).into());
        self.content.insert("apis_per_tenant".to_owned(), i64::from(apis_each).into());
        self
    }

    /// The length of a phase: `warmup`, `disturb`, `heal` or `settle`.
    #[must_use]
    pub fn phase(mut self, phase: &str, span: &str) -> Self {
        self.phases.insert(phase.to_owned(), Value::String(span.to_owned()));
        self
    }

    /// A workload of a kind, with its keys.
    #[must_use]
    pub fn workload(mut self, kind: &str, keys: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.workloads.push(entry(kind, keys));
        self
    }

    /// Consumers call so many APIs at a rate such as `20/s`.
    #[must_use]
    pub fn calls(self, rate: &str, apis: u32) -> Self {
        self.workload("calls", [("rate", rate.into()), ("apis", i64::from(apis).into())])
    }

    /// So many APIs are published in turn, one every span.
    #[must_use]
    pub fn publish(self, every: &str, apis: u32) -> Self {
        self.workload("publish", [("every", every.into()), ("apis", i64::from(apis).into())])
    }

    /// A fault of a kind, with its keys, its name and its times among them.
    #[must_use]
    pub fn fault(mut self, kind: &str, keys: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.faults.push(entry(kind, keys));
        self
    }

    /// A machine without power, from and to these spans after the beginning of the disturb phase.
    #[must_use]
    pub fn power_off(self, node: &str, from: &str, to: &str) -> Self {
        let name = format!("{}-off", node.replace(' ', "-"));
        self.fault(
            "power-off",
            [("name", name.into()), ("node", node.into()), ("from", from.into()), ("to", to.into())],
        )
    }

    /// What must hold, in a sentence.
    #[must_use]
    pub fn expect(mut self, sentence: &str) -> Self {
        self.expectations.push(Value::String(sentence.to_owned()));
        self
    }

    /// The text of the scenario file that says the same.
    pub fn to_toml(&self) -> String {
        let mut top = self.top.clone();
        let folder = match &self.cluster {
            Cluster::None => None,
            Cluster::Folder(folder) => Some(folder.display().to_string()),
            Cluster::Files(files) => Some(files.root.clone()),
        };
        if let Some(folder) = folder {
            top.insert("cluster".to_owned(), Value::String(folder));
        }
        for (key, table) in [("cluster_files", &self.replaced), ("content", &self.content)] {
            if !table.is_empty() {
                top.insert(key.to_owned(), Value::Table(table.clone()));
            }
        }
        top.insert("phases".to_owned(), Value::Table(self.phases.clone()));
        for (key, list) in
            [("expect", &self.expectations), ("workload", &self.workloads), ("fault", &self.faults)]
        {
            if !list.is_empty() {
                top.insert(key.to_owned(), Value::Array(list.clone()));
            }
        }
        toml::to_string(&top).expect("texts, numbers and tables are always TOML")
    }

    /// The scenario.
    ///
    /// # Errors
    /// Every mistake, as places in [`Builder::to_toml`]; a cluster's folder that cannot be read.
    pub fn build(self) -> Result<Scenario, Findings> {
        let source = Source::new(format!("{}.toml", self.name), self.to_toml());
        let (mut scenario, mut findings) = Scenario::parse(&source);
        scenario.name = self.name.as_str().into();
        let files = match self.cluster {
            Cluster::None => None,
            Cluster::Files(files) => Some(files),
            Cluster::Folder(folder) => ClusterFiles::read(&folder)
                .map_err(|error| {
                    findings.push(Finding::error(&source, scenario.cluster.span.clone(), error.to_string()));
                })
                .ok(),
        };
        if let Some(files) = files {
            findings.extend(scenario.set_files(files));
        }
        findings.into_result().map(|_| scenario)
    }
}

fn entry(kind: &str, keys: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let kind = [("kind".to_owned(), Value::String(kind.to_owned()))];
    Value::Table(Table::from_iter(kind.into_iter().chain(keys.into_iter().map(|(k, v)| (k.to_owned(), v)))))
}
