//! API traffic: what consumers get, and what they send.

use bytes::Bytes;
use harness::plan::ApiSpec;
use http::Method;
use http::header::HeaderName;

use super::runtime::Wholeness;
use super::{Server, address, management, mark};
use crate::http::{Fields, Request, Response, answer as response};

/// The header of an answer that says which revision of the API gave it.
pub const REVISION_HEADER: HeaderName = HeaderName::from_static("x-revision");

const MENU: &[u8] = b"{\"menu\":[\"margherita\",\"marinara\"]}";
const NOT_FOUND: &[u8] =
    b"<am:fault><am:code>404</am:code><am:message>No matching resource found for given API \
                           Request</am:message></am:fault>";
const NO_PART: &[u8] = b"a sequence or an endpoint that the API names is not deployed";

/// A consumer's call of an API; `host` is the name that it goes to.
pub fn call_request(api: &ApiSpec, host: &str) -> Request {
    management::request(Method::GET, &address::below_context(api, "/menu"), host, b"")
}

/// The revision that answered, as an answer's headers say it.
pub fn served_revision(fields: &Fields) -> Option<u64> {
    fields.text(REVISION_HEADER.as_str())?.parse().ok()
}

pub(super) async fn answer(server: &Server, path: &str) -> Response {
    server.process.work(server.model.serve_api).await;
    let runtime = server.runtime.borrow();
    let Some(api) = runtime.api_at(path) else {
        if runtime.has_own_main() {
            return response(404, NOT_FOUND);
        }
        // The default main sequence drops the message, which its sender takes for accepted.
        if !server.told_dropped.replace(true) {
            server.mark(mark::DROPPED);
        }
        return response(202, "");
    };
    let wholeness = runtime.wholeness(api);
    server.note_wholeness(&api.name, wholeness == Wholeness::Whole);
    if wholeness != Wholeness::Whole && runtime.first_told(api) {
        server.mark(match wholeness {
            Wholeness::Incomplete => mark::INCOMPLETE_SERVED,
            _ if server.updating.get() => mark::SERVED_WHILE_UPDATING,
            _ => mark::TORN_SERVED,
        });
    }
    if wholeness == Wholeness::Incomplete {
        return response(500, NO_PART);
    }
    response(200, Bytes::from_static(MENU)).with(REVISION_HEADER, api.revision_header.clone())
}
