//! Management requests, as clients send them and as the server reads them, so that both agree.
//!
//! The management API is the model's own: in API-M 3.x the Publisher calls a Carbon admin service of the gateway,
//! and 4.x has a REST API of which only the path's beginning is taken here.

use harness::plan::ApiSpec;
use http::{Method, Uri, Version};
use serde::{Deserialize, Serialize};

use super::address;
use crate::http::Request;

/// An API to create, as the body of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewApi {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) revision: u64,
}

/// An API's next revision, as the body of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRevision {
    pub(super) revision: u64,
}

impl NewApi {
    pub(super) fn new(api: &ApiSpec, revision: u64) -> Self {
        Self { name: api.name.as_ref().into(), version: api.version.as_ref().into(), revision }
    }

    pub(super) fn spec(self) -> (ApiSpec, u64) {
        (ApiSpec { name: self.name.into(), version: self.version.into() }, self.revision)
    }
}

/// Creates an API: 201, or 409 when it is there already. Not idempotent, so a balancer does not send it twice.
pub fn create_request(api: &ApiSpec, revision: u64, host: &str) -> Request {
    request(Method::POST, address::MANAGED_APIS, host, &json(&NewApi::new(api, revision)))
}

/// Publishes a revision of an API, which is created if need be: 200 for an update, 201 for a new one.
pub fn publish_request(api: &ApiSpec, revision: u64, host: &str) -> Request {
    request(Method::PUT, &address::managed(api), host, &json(&NewRevision { revision }))
}

/// Deletes an API: 200, or 404 when there is none. `revision` is the number that the trace calls the deletion.
pub fn delete_request(api: &ApiSpec, revision: u64, host: &str) -> Request {
    let path = format!("{}?revision={revision}", address::managed(api));
    request(Method::DELETE, &path, host, b"")
}

/// Asks whether all APIs are deployed: 200, or 500 while one is not.
pub fn health_request(host: &str) -> Request {
    request(Method::GET, address::STARTUP_HEALTH, host, b"")
}

/// Opens the console: 200.
pub fn console_request(host: &str) -> Request {
    request(Method::GET, address::LOGIN, host, b"")
}

/// Asks whether the servlet transports answer: 200.
pub fn version_request(host: &str) -> Request {
    request(Method::GET, address::VERSION, host, b"")
}

/// The revision in the query of a deletion.
pub(super) fn deleted_revision(uri: &Uri) -> u64 {
    let stated = uri.query().and_then(|query| query.strip_prefix("revision="));
    stated.and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("these are always JSON")
}

pub(super) fn request(method: Method, path: &str, host: &str, body: &[u8]) -> Request {
    let takes_json = method == Method::POST || method == Method::PUT;
    let mut request = Request::new(method, path, Version::HTTP_11);
    request.field(b"host", host.as_bytes());
    if takes_json {
        request.field(b"content-type", b"application/json");
    }
    request.end(body);
    request
}
