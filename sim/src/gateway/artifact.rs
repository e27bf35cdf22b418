//! Artifacts: the XML files that an API is made of, as a gateway writes them and as it reads them back.
//!
//! An API is four files: its endpoint, the sequences for requests and for answers, and the API itself, which names
//! the sequences; the first sequence names the endpoint. Each file says which revision it belongs to, so that a
//! set that was torn on its way to a worker shows as what it is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use harness::plan::ApiSpec;

use super::address;
use super::xml::{self, Element, XmlError, escape};

const NAMESPACE: &str = "http://ws.apache.org/ns/synapse";

/// The kinds of artifacts that the model deploys, in the order in which one scan deploys them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ArtifactKind {
    Endpoint,
    Sequence,
    Api,
}

impl ArtifactKind {
    pub(super) const ALL: [ArtifactKind; 3] =
        [ArtifactKind::Endpoint, ArtifactKind::Sequence, ArtifactKind::Api];

    /// The folder of this kind below the mediation configuration.
    pub(super) fn folder(self) -> &'static str {
        match self {
            ArtifactKind::Endpoint => "endpoints",
            ArtifactKind::Sequence => "sequences",
            ArtifactKind::Api => "api",
        }
    }

    /// The element that a file of this kind holds.
    fn element(self) -> &'static str {
        match self {
            ArtifactKind::Endpoint => "endpoint",
            ArtifactKind::Sequence => "sequence",
            ArtifactKind::Api => "api",
        }
    }
}

/// An artifact as it is written: a file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArtifactFile {
    pub(super) kind: ArtifactKind,
    pub(super) name: String,
    pub(super) text: String,
}

/// An artifact as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Artifact {
    /// The name by which others refer to it.
    pub(super) name: String,
    /// The revision of the API that it belongs to; none for what belongs to no API.
    pub(super) revision: Option<u64>,
    /// What else its kind says.
    pub(super) content: Content,
}

/// What an artifact of each kind says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Endpoint,
    Sequence {
        /// The endpoints that it sends to.
        endpoints: Vec<String>,
    },
    Api {
        /// The path that it answers, with the version.
        context: String,
        /// The sequences that its resources name.
        sequences: Vec<String>,
    },
}

/// Why a file is no artifact that can be deployed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArtifactError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("is not text")]
    NotText,
    #[error("is not well-formed XML: {0}")]
    NotXml(#[from] XmlError),
    #[error("holds <{found}>, not <{expected}>")]
    WrongElement { found: String, expected: &'static str },
    #[error("<{element}> has no {attribute}")]
    Missing { element: &'static str, attribute: &'static str },
    #[error("the revision is no number")]
    BadRevision,
}

/// The name by which the gateway knows an API.
pub(super) fn api_key(api: &ApiSpec) -> String {
    format!("admin--{}:v{}", api.name, api.version)
}

/// An API's name, from the name by which the gateway knows it.
pub(super) fn api_name(key: &str) -> &str {
    let name = key.strip_prefix("admin--").unwrap_or(key);
    name.rsplit_once(":v").map_or(name, |(name, _)| name)
}

/// The file that holds an artifact of this name.
pub(super) fn file_name(key: &str) -> String {
    let stands_in_no_name = |letter| matches!(letter, '/' | '?' | '*' | '|' | ':' | '<' | '>' | ' ');
    let mut name = key.replace(stands_in_no_name, "_");
    name.push_str(".xml");
    name
}

/// The files of an API, in the order in which they are written: the API itself last.
pub(super) fn api_files(api: &ApiSpec, revision: u64) -> Vec<ArtifactFile> {
    files_of(&api_key(api), &address::context(api), api, revision)
}

/// The files of a tenant's API: its provider and its context name the tenant's domain.
pub(super) fn tenant_api_files(domain: &str, api: &ApiSpec, revision: u64) -> Vec<ArtifactFile> {
    let key = format!("admin-AT-{domain}--{}:v{}", api.name, api.version);
    files_of(&key, &format!("/t/{domain}{}", address::context(api)), api, revision)
}

fn files_of(key: &str, context: &str, api: &ApiSpec, revision: u64) -> Vec<ArtifactFile> {
    let (request, answer) = (format!("{key}--In"), format!("{key}--Out"));
    let endpoint = format!("{}--v{}_APIproductionEndpoint", api.name, api.version);
    let stamp = format!("<property name=\"revision\" value=\"{revision}\"/>");
    let backend = format!("http://backend.example.com:8080{context}");
    let in_context = escape(key).into_owned();
    vec![
        file(
            ArtifactKind::Endpoint,
            &endpoint,
            &format!(
                "  {stamp}\n  <http method=\"GET\" uri-template=\"{}\">\n    <timeout>\n      \
                 <duration>60000</duration>\n      <responseAction>fault</responseAction>\n    </timeout>\n  \
                 </http>\n",
                escape(&backend)
            ),
            "",
        ),
        file(
            ArtifactKind::Sequence,
            &request,
            &format!(
                "  {stamp}\n  <property name=\"api.name\" value=\"{in_context}\"/>\n  <send>\n    \
                 <endpoint key=\"{}\"/>\n  </send>\n",
                escape(&endpoint)
            ),
            "",
        ),
        file(
            ArtifactKind::Sequence,
            &answer,
            &format!("  {stamp}\n  <header name=\"x-revision\" value=\"{revision}\"/>\n  <send/>\n"),
            "",
        ),
        file(
            ArtifactKind::Api,
            key,
            &format!(
                "  <resource methods=\"GET POST PUT DELETE\" uri-template=\"/*\"\n            \
                 inSequence=\"{}\" outSequence=\"{}\" faultSequence=\"fault\"/>\n  <handlers>\n    \
                 <handler class=\"org.example.gateway.Authentication\"/>\n    {stamp}\n  </handlers>\n",
                escape(&request),
                escape(&answer)
            ),
            &format!(
                " context=\"{}\" version=\"{}\" version-type=\"context\"",
                escape(context),
                escape(&api.version)
            ),
        ),
    ]
}

/// The sequences that every gateway has from its installation on.
pub(super) fn built_in_files() -> Vec<ArtifactFile> {
    let not_found = "  <payload status=\"404\" text=\"No matching resource found for given API Request\"/>\n  \
                     <respond/>\n";
    let failed =
        "  <log level=\"full\"/>\n  <payload status=\"500\" text=\"Unexpected error\"/>\n  <respond/>\n";
    let refused = "  <property name=\"error_message_type\" value=\"application/xml\"/>\n  <respond/>\n";
    [
        ("main", not_found),
        ("fault", failed),
        ("_auth_failure_handler_", refused),
        ("_resource_mismatch_handler_", refused),
        ("_throttle_out_handler_", refused),
    ]
    .map(|(name, content)| file(ArtifactKind::Sequence, name, content, ""))
    .into()
}

/// A sequence that belongs to no API, as the console saves it.
pub(super) fn sequence_file(name: &str, message: &str) -> ArtifactFile {
    let content = format!("  <log level=\"custom\" message=\"{}\"/>\n", escape(message));
    file(ArtifactKind::Sequence, name, &content, "")
}

fn file(kind: ArtifactKind, key: &str, content: &str, attributes: &str) -> ArtifactFile {
    let element = kind.element();
    let start =
        ["<", element, " xmlns=\"", NAMESPACE, "\" name=\"", &*escape(key), "\"", attributes, ">\n"].concat();
    let text =
        ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", &start, content, "</", element, ">\n"].concat();
    ArtifactFile { kind, name: file_name(key), text }
}

/// So many files are remembered at most.
const REMEMBERED_MAX: usize = 1024;

thread_local! {
    /// What was read: all gateways of a cluster read the same files, and so do the runs of an exploration.
    static REMEMBERED: RefCell<BTreeMap<(ArtifactKind, Bytes), Artifact>> = const { RefCell::new(BTreeMap::new()) };
}

/// The artifact in these bytes.
///
/// # Errors
/// When they are not what a file of this kind holds.
pub(super) fn read(kind: ArtifactKind, bytes: &Bytes) -> Result<Artifact, ArtifactError> {
    let key = (kind, bytes.clone());
    if let Some(known) = REMEMBERED.with_borrow(|remembered| remembered.get(&key).cloned()) {
        return Ok(known);
    }
    let artifact = understand(kind, bytes)?;
    REMEMBERED.with_borrow_mut(|remembered| {
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, artifact.clone());
    });
    Ok(artifact)
}

fn understand(kind: ArtifactKind, bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ArtifactError::NotText)?;
    let root = xml::parse(text)?;
    let element = kind.element();
    if root.name != element {
        return Err(ArtifactError::WrongElement { found: root.name.to_owned(), expected: element });
    }
    let required = |attribute| root.attribute(attribute).ok_or(ArtifactError::Missing { element, attribute });
    let name = required("name")?.to_owned();
    let revision = revision(&root)?;
    let content = match kind {
        ArtifactKind::Endpoint => Content::Endpoint,
        ArtifactKind::Sequence => Content::Sequence { endpoints: named(&root, "endpoint", &["key"]) },
        ArtifactKind::Api => {
            if revision.is_none() {
                return Err(ArtifactError::Missing { element, attribute: "revision" });
            }
            Content::Api {
                context: required("context")?.to_owned(),
                sequences: named(&root, "resource", &["inSequence", "outSequence"]),
            }
        }
    };
    Ok(Artifact { name, revision, content })
}

fn revision(root: &Element) -> Result<Option<u64>, ArtifactError> {
    let stamp = root.below("property").find(|property| property.attribute("name") == Some("revision"));
    let value = stamp.and_then(|stamp| stamp.attribute("value"));
    value.map(|value| value.parse().map_err(|_| ArtifactError::BadRevision)).transpose()
}

/// What these attributes of all elements of one name say.
fn named(root: &Element, element: &str, attributes: &[&str]) -> Vec<String> {
    root.below(element)
        .flat_map(|found| attributes.iter().filter_map(|attribute| found.attribute(attribute)))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pizza() -> ApiSpec {
        ApiSpec { name: "PizzaShack".into(), version: "1.0.0".into() }
    }

    #[test]
    fn the_api_file_has_the_documented_name_and_comes_last() {
        let files = api_files(&pizza(), 3);
        assert_eq!(files.last().unwrap().name, "admin--PizzaShack_v1.0.0.xml");
        assert!(files[..3].iter().all(|file| file.kind != ArtifactKind::Api));
        assert_eq!(file_name("a/b?c*d|e:f<g>h i"), "a_b_c_d_e_f_g_h_i.xml");
    }

    #[test]
    fn what_is_remembered_is_what_the_bytes_say_and_errors_are_met_again() {
        for revision in [1, 2, 1, 2] {
            let file = api_files(&pizza(), revision).pop().unwrap();
            let bytes = Bytes::from(file.text);
            assert_eq!(read(file.kind, &bytes).unwrap(), understand(file.kind, &bytes).unwrap());
            let wrong = read(ArtifactKind::Endpoint, &bytes).unwrap_err();
            assert!(matches!(wrong, ArtifactError::WrongElement { .. }), "{wrong}");
        }
        for revision in 0..2 * REMEMBERED_MAX as u64 {
            let file = api_files(&pizza(), revision).remove(0);
            assert_eq!(read(file.kind, &file.text.into()).unwrap().revision, Some(revision));
        }
        assert!(REMEMBERED.with_borrow(BTreeMap::len) <= REMEMBERED_MAX);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let read: Vec<Artifact> = api_files(&pizza(), 3)
            .iter()
            .map(|file| understand(file.kind, file.text.as_bytes()).unwrap())
            .collect();
        assert!(read.iter().all(|artifact| artifact.revision == Some(3)));
        assert_eq!(read[1].content, Content::Sequence { endpoints: vec![read[0].name.clone()] });
        assert_eq!(
            read[3].content,
            Content::Api {
                context: "/PizzaShack/1.0.0".to_owned(),
                sequences: vec![read[1].name.clone(), read[2].name.clone()]
            }
        );
        assert_eq!(api_name(&read[3].name), "PizzaShack");
        for file in built_in_files() {
            assert_eq!(understand(file.kind, file.text.as_bytes()).unwrap().revision, None);
        }
    }

    #[test]
    fn the_beginning_of_a_file_is_no_artifact() {
        for file in api_files(&pizza(), 3) {
            for length in 0..file.text.trim_end().len() {
                assert!(
                    understand(file.kind, &file.text.as_bytes()[..length]).is_err(),
                    "{}: {length}",
                    file.name
                );
            }
        }
    }

    #[test]
    fn a_tenants_api_is_told_from_one_of_the_same_name_by_its_domain() {
        let api = tenant_api_files("tenant-1.example.com", &pizza(), 1).pop().unwrap();
        assert_eq!(api.name, "admin-AT-tenant-1.example.com--PizzaShack_v1.0.0.xml");
        let Content::Api { context, .. } = understand(api.kind, api.text.as_bytes()).unwrap().content else {
            panic!("it is an API")
        };
        assert_eq!(context, "/t/tenant-1.example.com/PizzaShack/1.0.0");
    }

    #[test]
    fn a_file_in_the_wrong_folder_is_refused() {
        let files = api_files(&pizza(), 3);
        let error = understand(ArtifactKind::Api, files[0].text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "holds <endpoint>, not <api>");
    }

    proptest! {
        #[test]
        fn every_api_survives_its_files(name in "[^:]{1,20}", version in "[0-9.]{1,8}", revision: u64) {
            let api = ApiSpec { name: name.as_str().into(), version: version.into() };
            for file in api_files(&api, revision) {
                let artifact = understand(file.kind, file.text.as_bytes()).unwrap();
                prop_assert_eq!(artifact.revision, Some(revision));
                prop_assert!(!file.name.contains('/'));
                if let Content::Api { context, .. } = artifact.content {
                    prop_assert_eq!(api_name(&artifact.name), name.as_str());
                    prop_assert_eq!(context, address::context(&api));
                }
            }
        }
    }
}
