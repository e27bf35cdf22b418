//! What a gateway has deployed: artifacts in memory, apart from the files that they came from.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::HeaderValue;

use super::artifact::{self, Artifact, ArtifactKind, Content};

/// A file of the mediation configuration: its kind and its name in that kind's folder.
pub(super) type FileKey = (ArtifactKind, Bytes);

/// Everything that is deployed.
#[derive(Debug, Default)]
pub(super) struct Runtime {
    /// What each file holds, and the bytes that were deployed from it.
    files: BTreeMap<FileKey, Deployed>,
    /// Which file each artifact came from; no name: from none.
    origins: BTreeMap<(ArtifactKind, String), FileKey>,
    endpoints: BTreeMap<String, Option<u64>>,
    sequences: BTreeMap<String, Sequence>,
    /// By context.
    apis: BTreeMap<String, Api>,
    /// Counts changes, so that what was found out about an API can be kept until the next one.
    generation: u64,
}

#[derive(Debug)]
struct Deployed {
    name: String,
    /// Of an API.
    context: Option<String>,
    bytes: Bytes,
}

#[derive(Debug)]
struct Sequence {
    revision: Option<u64>,
    endpoints: Vec<String>,
}

/// A deployed API.
#[derive(Debug)]
pub(super) struct Api {
    /// Its name, as its publisher knows it.
    pub(super) name: String,
    /// The revision of its own file.
    pub(super) revision: u64,
    /// The same, for answers.
    pub(super) revision_header: HeaderValue,
    sequences: Vec<String>,
    file: FileKey,
    checked: Cell<Option<(u64, Wholeness)>>,
    told: Cell<u64>,
}

/// Whether the parts of an API fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wholeness {
    /// All are there, of one revision.
    Whole,
    /// All are there, of several revisions.
    Mixed,
    /// A sequence or an endpoint that it names is not there.
    Incomplete,
}

/// What the deployment or the end of an artifact means to those who call APIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// This revision of this API is served now.
    Deployed(String, u64),
    /// This API is served no more.
    Undeployed(String),
}

/// Two files claim the same name or the same path.
#[derive(Debug, thiserror::Error)]
pub(super) enum Duplicate {
    #[error("Duplicate definition for key : {0}")]
    Name(String),
    #[error("URL context: {context} is already registered with the API: {api}")]
    Context { context: String, api: String },
}

/// The sequences without which nothing is mediated: there from the start, and never undeployed.
const PERMANENT: [&str; 2] = ["main", "fault"];

impl Runtime {
    /// Defines the sequences that must be there and came from no file.
    pub(super) fn add_defaults(&mut self) {
        for name in PERMANENT {
            let nowhere = (ArtifactKind::Sequence, Bytes::new());
            self.origins.entry((ArtifactKind::Sequence, name.to_owned())).or_insert_with(|| {
                let default = Sequence { revision: None, endpoints: Vec::new() };
                self.sequences.insert(name.to_owned(), default);
                nowhere
            });
        }
    }

    /// Whether the main sequence came from a file, so that it answers what no API answers.
    pub(super) fn has_own_main(&self) -> bool {
        let main = self.origins.get(&(ArtifactKind::Sequence, "main".to_owned()));
        main.is_some_and(|(_, file)| !file.is_empty())
    }

    /// Whether what a file holds cannot be undeployed.
    pub(super) fn is_permanent(&self, file: &FileKey) -> bool {
        let deployed = self.files.get(file);
        file.0 == ArtifactKind::Sequence
            && deployed.is_some_and(|deployed| PERMANENT.contains(&deployed.name.as_str()))
    }

    /// Puts an artifact into service, in place of what this file held before.
    ///
    /// # Errors
    /// When another file's artifact has the name, or its API the context; then nothing is changed.
    pub(super) fn deploy(
        &mut self,
        file: &FileKey,
        artifact: Artifact,
        bytes: Bytes,
    ) -> Result<Vec<News>, Duplicate> {
        let Artifact { name, revision, content } = artifact;
        let origin = (file.0, name.clone());
        if self.origins.get(&origin).is_some_and(|other| other != file) {
            return Err(Duplicate::Name(name));
        }
        if let Content::Api { context, .. } = &content
            && let Some(other) = self.apis.get(context)
            && other.file != *file
        {
            return Err(Duplicate::Context { context: context.clone(), api: other.name.clone() });
        }
        let mut news = self.undeploy(file);
        self.generation += 1;
        let mut api_context = None;
        match content {
            Content::Endpoint => {
                self.endpoints.insert(name.clone(), revision);
            }
            Content::Sequence { endpoints } => {
                self.sequences.insert(name.clone(), Sequence { revision, endpoints });
            }
            Content::Api { context, sequences } => {
                let revision = revision.expect("an API without a revision is not read");
                let api_name = artifact::api_name(&name).to_owned();
                // An update of the same API is no end of it.
                news.retain(|news| !matches!(news, News::Undeployed(gone) if *gone == api_name));
                news.push(News::Deployed(api_name.clone(), revision));
                let api = Api {
                    name: api_name,
                    revision,
                    revision_header: HeaderValue::from(revision),
                    sequences,
                    file: file.clone(),
                    checked: Cell::new(None),
                    told: Cell::new(0),
                };
                self.apis.insert(context.clone(), api);
                api_context = Some(context);
            }
        }
        self.origins.insert(origin, file.clone());
        self.files.insert(file.clone(), Deployed { name, context: api_context, bytes });
        Ok(news)
    }

    /// Takes what a file held out of service.
    pub(super) fn undeploy(&mut self, file: &FileKey) -> Vec<News> {
        let Some(Deployed { name, context, .. }) = self.files.remove(file) else { return Vec::new() };
        self.generation += 1;
        match file.0 {
            ArtifactKind::Endpoint => drop(self.endpoints.remove(&name)),
            ArtifactKind::Sequence => drop(self.sequences.remove(&name)),
            ArtifactKind::Api => {}
        }
        self.origins.remove(&(file.0, name));
        let api = context.and_then(|context| self.apis.remove(&context));
        api.map(|api| News::Undeployed(api.name)).into_iter().collect()
    }

    /// The bytes that a file's artifact was deployed from, if it is deployed.
    pub(super) fn deployed_bytes(&self, file: &FileKey) -> Option<&Bytes> {
        self.files.get(file).map(|deployed| &deployed.bytes)
    }

    /// The API that answers a path: the one with the longest context that the path begins with.
    pub(super) fn api_at(&self, path: &str) -> Option<&Api> {
        let mut context = path;
        loop {
            if let Some(api) = self.apis.get(context) {
                return Some(api);
            }
            context = &context[..context.rfind('/')?];
        }
    }

    /// Every deployed API.
    pub(super) fn apis(&self) -> impl Iterator<Item = &Api> {
        self.apis.values()
    }

    /// Whether an API's parts fit together.
    pub(super) fn wholeness(&self, api: &Api) -> Wholeness {
        if let Some((generation, wholeness)) = api.checked.get()
            && generation == self.generation
        {
            return wholeness;
        }
        let wholeness = self.check(api);
        api.checked.set(Some((self.generation, wholeness)));
        wholeness
    }

    /// Whether this is the first time that somebody asks since something was deployed or undeployed.
    pub(super) fn first_told(&self, api: &Api) -> bool {
        api.told.replace(self.generation + 1) != self.generation + 1
    }

    fn check(&self, api: &Api) -> Wholeness {
        let mut mixed = false;
        let mut belongs = |revision: Option<u64>| mixed |= revision.is_some_and(|part| part != api.revision);
        for name in &api.sequences {
            let Some(sequence) = self.sequences.get(name) else { return Wholeness::Incomplete };
            belongs(sequence.revision);
            for endpoint in &sequence.endpoints {
                let Some(revision) = self.endpoints.get(endpoint) else { return Wholeness::Incomplete };
                belongs(*revision);
            }
        }
        if mixed { Wholeness::Mixed } else { Wholeness::Whole }
    }
}

#[cfg(test)]
mod tests {
    use harness::plan::ApiSpec;

    use super::super::artifact::{api_files, read};
    use super::*;

    fn deploy(runtime: &mut Runtime, revision: u64, parts: std::ops::Range<usize>) -> Vec<News> {
        let api = ApiSpec { name: "pizza".into(), version: "1".into() };
        let files = api_files(&api, revision);
        let mut news = Vec::new();
        for file in &files[parts] {
            let artifact = read(file.kind, &file.text.clone().into()).unwrap();
            let key = (file.kind, Bytes::from(file.name.clone()));
            news.extend(runtime.deploy(&key, artifact, Bytes::new()).unwrap());
        }
        news
    }

    fn wholeness(runtime: &Runtime) -> Wholeness {
        runtime.wholeness(runtime.api_at("/pizza/1/menu").unwrap())
    }

    #[test]
    fn an_api_is_whole_only_when_its_parts_are_there_and_of_one_revision() {
        let mut runtime = Runtime::default();
        assert_eq!(deploy(&mut runtime, 1, 3..4), [News::Deployed("pizza".to_owned(), 1)]);
        assert_eq!(wholeness(&runtime), Wholeness::Incomplete);
        deploy(&mut runtime, 1, 0..3);
        assert_eq!(wholeness(&runtime), Wholeness::Whole);
        deploy(&mut runtime, 2, 0..1);
        assert_eq!(wholeness(&runtime), Wholeness::Mixed);
        assert_eq!(deploy(&mut runtime, 2, 1..4), [News::Deployed("pizza".to_owned(), 2)]);
        assert_eq!(wholeness(&runtime), Wholeness::Whole);
    }

    #[test]
    fn a_path_finds_the_api_whose_context_it_begins_with() {
        let mut runtime = Runtime::default();
        deploy(&mut runtime, 1, 0..4);
        for (path, found) in
            [("/pizza/1", true), ("/pizza/1/", true), ("/pizza/12", false), ("/", false), ("*", false)]
        {
            assert_eq!(runtime.api_at(path).is_some(), found, "{path}");
        }
        let files: Vec<FileKey> = runtime.files.keys().cloned().collect();
        let news: Vec<News> = files.iter().flat_map(|file| runtime.undeploy(file)).collect();
        assert_eq!(news, [News::Undeployed("pizza".to_owned())]);
        assert!(runtime.api_at("/pizza/1").is_none());
    }

    #[test]
    fn two_files_cannot_have_one_name_or_one_context() {
        let mut runtime = Runtime::default();
        deploy(&mut runtime, 1, 0..4);
        let api = ApiSpec { name: "pizza".into(), version: "1".into() };
        let file = api_files(&api, 5).pop().unwrap();
        let copy = (ArtifactKind::Api, Bytes::from_static(b"copy.xml"));
        let mut artifact = read(file.kind, &file.text.into()).unwrap();
        let refused = runtime.deploy(&copy, artifact.clone(), Bytes::new());
        assert!(matches!(refused, Err(Duplicate::Name(_))));
        artifact.name = "other".to_owned();
        let refused = runtime.deploy(&copy, artifact, Bytes::new());
        assert!(matches!(refused, Err(Duplicate::Context { .. })));
        assert_eq!(runtime.api_at("/pizza/1").unwrap().revision, 1);
    }

    #[test]
    fn a_default_sequence_keeps_a_later_file_of_its_name_out() {
        let mut runtime = Runtime::default();
        runtime.add_defaults();
        assert!(!runtime.has_own_main());
        for file in artifact::built_in_files() {
            let artifact = read(file.kind, &file.text.clone().into()).unwrap();
            let key = (file.kind, Bytes::from(file.name.clone()));
            let taken = runtime.deploy(&key, artifact, Bytes::new()).is_err();
            assert_eq!(taken, PERMANENT.contains(&file.name.trim_end_matches(".xml")), "{}", file.name);
        }
    }
}
