//! Attempts to change a worker directly, by every route that a gateway has: what clients send, and how they tell
//! that it was accepted.

use harness::plan::ApiSpec;
use harness::trace::event::WriteRoute;
use http::Method;

use super::address;
use super::management::{NewApi, json, request};
use crate::http::Request;

/// The API, or the sequence, that attempts try to put on a worker.
const INTRUDER: &str = "intruder";

/// An attempt to change the server by this route, for its servlet port with https (9443). `number` tells attempts
/// apart: it is the revision of what is written.
pub fn write_attempt(route: WriteRoute, number: u64, host: &str) -> Request {
    let api = ApiSpec { name: INTRUDER.into(), version: format!("{number}.0").into() };
    let post = |path, body: &[u8]| request(Method::POST, path, host, body);
    match route {
        WriteRoute::ManagementApi => post(address::MANAGED_APIS, &json(&NewApi::new(&api, number))),
        WriteRoute::AdminService => {
            let envelope = format!(
                "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
                 <m:addApi xmlns:m=\"http://ws.apache.org/ax2\" name=\"{INTRUDER}\" version=\"{}\" \
                 revision=\"{number}\"/></soapenv:Body></soapenv:Envelope>",
                api.version
            );
            post(address::ADMIN_SERVICE, envelope.as_bytes())
        }
        WriteRoute::Publisher => post(address::PUBLISHER_APIS, &json(&NewApi::new(&api, number))),
        WriteRoute::DeveloperPortal => {
            post(address::PORTAL_APPLICATIONS, format!("{{\"name\":\"{INTRUDER}-{number}\"}}").as_bytes())
        }
        WriteRoute::Console => {
            post(address::CONSOLE_SEQUENCES, format!("sequenceName={INTRUDER}-{number}").as_bytes())
        }
    }
}

/// Whether an answer with this status means that the change was accepted.
pub fn is_accepted(status: u16) -> bool {
    (200..300).contains(&status)
}
