//! What a gateway has deployed: artifacts in memory, apart from the files that they came from.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::header::HeaderValue;

use super::artifact::{self, Artifact, ArtifactKind, Content};

/// A file of the mediation configuration: its kind and its name in that kind's folder.
pub(super) type FileKey = (ArtifactKind, Bytes);

/// Everything that is deployed.
#[derive(Debug, Default)]
pub(super) struct Runtime {
    /// What each file holds, and the bytes that were deployed from it.
    files: BTreeMap<FileKey, Deployed>,
    endpoints: BTreeMap<String, Option<u64>>,
    sequences: BTreeMap<String, Sequence>,
    /// By context.
    apis: BTreeMap<String, Api>,
    /// Counts changes, so that what was found out about an API can be kept until the next one.
    generation: u64,
}

#[derive(Debug)]
struct Deployed {
    /// The artifact's name; of an API, its context.
    key: String,
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

/// Two files claim the same path.
#[derive(Debug, thiserror::Error)]
#[error("the context {0} belongs to an API that is already deployed")]
pub(super) struct ContextTaken(String);

impl Runtime {
    /// Puts an artifact into service, in place of what this file held before.
    ///
    /// # Errors
    /// When another file's API has the context already; then nothing is changed.
    pub(super) fn deploy(
        &mut self,
        file: &FileKey,
        artifact: Artifact,
        bytes: Bytes,
    ) -> Result<Vec<News>, ContextTaken> {
        if let Content::Api { context, .. } = &artifact.content
            && self.apis.get(context).is_some_and(|api| api.file != *file)
        {
            return Err(ContextTaken(context.clone()));
        }
        let mut news = self.undeploy(file);
        self.generation += 1;
        let Artifact { name, revision, content } = artifact;
        let key = match content {
            Content::Endpoint => {
                self.endpoints.insert(name.clone(), revision);
                name
            }
            Content::Sequence { endpoints } => {
                self.sequences.insert(name.clone(), Sequence { revision, endpoints });
                name
            }
            Content::Api { context, sequences } => {
                let revision = revision.expect("an API without a revision is not read");
                let name = artifact::api_name(&name).to_owned();
                // An update of the same API is no end of it.
                news.retain(|news| !matches!(news, News::Undeployed(gone) if *gone == name));
                news.push(News::Deployed(name.clone(), revision));
                let api = Api {
                    name,
                    revision,
                    revision_header: HeaderValue::from(revision),
                    sequences,
                    file: file.clone(),
                    checked: Cell::new(None),
                    told: Cell::new(0),
                };
                self.apis.insert(context.clone(), api);
                context
            }
        };
        self.files.insert(file.clone(), Deployed { key, bytes });
        Ok(news)
    }

    /// Takes what a file held out of service.
    pub(super) fn undeploy(&mut self, file: &FileKey) -> Vec<News> {
        let Some(Deployed { key, .. }) = self.files.remove(file) else { return Vec::new() };
        self.generation += 1;
        match file.0 {
            ArtifactKind::Endpoint => drop(self.endpoints.remove(&key)),
            ArtifactKind::Sequence => drop(self.sequences.remove(&key)),
            ArtifactKind::Api => {
                return self.apis.remove(&key).map(|api| News::Undeployed(api.name)).into_iter().collect();
            }
        }
        Vec::new()
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

    /// Whether a sequence of this name is deployed.
    pub(super) fn has_sequence(&self, name: &str) -> bool {
        self.sequences.contains_key(name)
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
            let artifact = read(file.kind, file.text.as_bytes()).unwrap();
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
    fn two_files_cannot_have_one_context() {
        let mut runtime = Runtime::default();
        deploy(&mut runtime, 1, 0..4);
        let api = ApiSpec { name: "pizza".into(), version: "1".into() };
        let file = api_files(&api, 5).pop().unwrap();
        let artifact = read(file.kind, file.text.as_bytes()).unwrap();
        let copy = (ArtifactKind::Api, Bytes::from_static(b"copy.xml"));
        assert!(runtime.deploy(&copy, artifact, Bytes::new()).is_err());
        assert_eq!(runtime.api_at("/pizza/1").unwrap().revision, 1);
    }
}
