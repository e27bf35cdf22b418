//! The servlet ports: console, health, and every way to change what the server serves.

use std::fmt::Write as _;

use harness::plan::ApiSpec;
use http::header::{HeaderValue, LOCATION};
use http::{Method, Uri};

use super::management::{NewApi, NewRevision, deleted_revision};
use super::{Server, address, artifact, persistence, xml};
use crate::http::{Incoming, Response, answer as response};
use crate::planted::PlantedBug;

pub(super) async fn answer(server: &Server, request: Incoming) -> Response {
    let Incoming { head, body } = request;
    server.process.work(server.model.serve_management).await;
    if head.method == Method::GET || head.method == Method::HEAD {
        return look(server, head.target.path());
    }
    change(server, &head.method, &head.target, &body)
}

/// Requests that change nothing.
fn look(server: &Server, path: &str) -> Response {
    match path {
        address::VERSION => {
            let version = "<ns:getVersionResponse xmlns:ns=\"http://version.services.core.carbon.wso2.org\">\
                           <return>WSO2 API Manager-3.1.0</return></ns:getVersionResponse>";
            response(200, version)
        }
        address::STARTUP_HEALTH if !is_healthy(server) => {
            response(500, "{\"status\":\"not all artifacts are deployed\"}")
        }
        address::STARTUP_HEALTH => response(200, "{\"status\":\"healthy\"}"),
        "/carbon" | "/carbon/" if server.has_console() => login_redirect(server),
        address::LOGIN if server.has_console() => response(200, "<html><title>WSO2 Carbon</title></html>"),
        "/publisher" | "/publisher/" | "/devportal" | "/devportal/" if server.config.portals => {
            response(200, "<html></html>")
        }
        _ => response(404, "no such page"),
    }
}

/// Whether all APIs that the server knows are deployed. Sequences do not count: a worker that was filled while it ran keeps
/// the main sequence of its own, and is healthy all the same.
fn is_healthy(server: &Server) -> bool {
    let never_again = server.restarted && server.has(PlantedBug::RestartedGatewayIsNeverHealthy);
    !never_again && !server.known.borrow().any_api_failed()
}

/// To the login page, at the address that the balancer shows for this server.
fn login_redirect(server: &Server) -> Response {
    let config = &server.config;
    let mut location = format!("https://{}", config.management_hostname);
    let port = config.proxy_ports.https.unwrap_or(config.ports.servlet_https);
    if port != 443 {
        let _ = write!(location, ":{port}");
    }
    location.push_str(address::LOGIN);
    match HeaderValue::try_from(location) {
        Ok(location) => response(302, "").with(LOCATION, location),
        Err(_) => response(500, "the host name is none"),
    }
}

/// Requests that would change something.
fn change(server: &Server, method: &Method, uri: &Uri, body: &[u8]) -> Response {
    let path = uri.path();
    let is_post = *method == Method::POST;
    match path {
        address::MANAGED_APIS if is_post => allowed(server, || create(server, body)),
        address::ADMIN_SERVICE if is_post => allowed(server, || add_by_admin_service(server, body)),
        address::CONSOLE_SEQUENCES if is_post && server.has_console() => {
            allowed(server, || save_sequence(server, body))
        }
        address::PUBLISHER_APIS if is_post && server.config.portals => {
            allowed(server, || create(server, body))
        }
        // An application is a row in the database: nothing on this disk changes.
        address::PORTAL_APPLICATIONS if is_post && server.config.portals => {
            allowed(server, || response(201, "{\"status\":\"APPROVED\"}"))
        }
        _ => match (address::managed_api(path), method) {
            (Some(api), &Method::PUT) => allowed(server, || publish(server, &api, body)),
            (Some(api), &Method::DELETE) => allowed(server, || delete(server, &api, uri)),
            _ => response(404, "no such resource"),
        },
    }
}

fn allowed(server: &Server, write: impl FnOnce() -> Response) -> Response {
    if server.refuses_writes() {
        return response(403, "Invoking admin services on worker node is forbidden");
    }
    write()
}

fn create(server: &Server, body: &[u8]) -> Response {
    let (api, revision) = match serde_json::from_slice::<NewApi>(body) {
        Ok(new) => new.spec(),
        Err(error) => return malformed(&error),
    };
    if persistence::is_published(server, &api) {
        return response(409, "the API exists");
    }
    deploy(server, 201, &api, revision)
}

fn publish(server: &Server, api: &ApiSpec, body: &[u8]) -> Response {
    match serde_json::from_slice(body) {
        Ok(NewRevision { revision }) => {
            let status = if persistence::is_published(server, api) { 200 } else { 201 };
            deploy(server, status, api, revision)
        }
        Err(error) => malformed(&error),
    }
}

fn delete(server: &Server, api: &ApiSpec, uri: &Uri) -> Response {
    if !persistence::is_published(server, api) {
        return response(404, "no such API");
    }
    persistence::delete(server, api, deleted_revision(uri));
    response(200, "{}")
}

fn deploy(server: &Server, status: u16, api: &ApiSpec, revision: u64) -> Response {
    match persistence::publish(server, api, revision) {
        Ok(()) => response(status, "{}"),
        Err(why) => response(500, why),
    }
}

/// A SOAP envelope with an `addApi` element.
fn add_by_admin_service(server: &Server, body: &[u8]) -> Response {
    let envelope = std::str::from_utf8(body).ok().and_then(|text| xml::parse(text).ok());
    let api = envelope.as_ref().and_then(|envelope| {
        let add = envelope.find("addApi")?;
        let revision = add.attribute("revision")?.parse().ok()?;
        let name = add.attribute("name")?.into();
        Some((ApiSpec { name, version: add.attribute("version")?.into() }, revision))
    });
    match api {
        Some((api, revision)) => deploy(server, 200, &api, revision),
        None => response(500, "<soapenv:Fault/>"),
    }
}

/// The console's form: the sequence's name is the body.
fn save_sequence(server: &Server, body: &[u8]) -> Response {
    let Some(name) = std::str::from_utf8(body).ok().and_then(|form| form.strip_prefix("sequenceName="))
    else {
        return response(400, "no sequence is named");
    };
    match persistence::save(server, &artifact::sequence_file(name, "saved by the console")) {
        Ok(()) => response(200, "<html>saved</html>"),
        Err(why) => response(500, why),
    }
}

fn malformed(error: &serde_json::Error) -> Response {
    response(400, error.to_string())
}
