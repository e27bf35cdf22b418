//! Where on a gateway things are asked for: paths, and names written into them.

use std::borrow::Cow;

use harness::plan::ApiSpec;

/// The management API of the model: create (POST), update (PUT) and delete (DELETE) APIs.
pub(super) const MANAGED_APIS: &str = "/api/am/gateway/v2/apis";
/// Whether tenants, APIs and policies are deployed (API-M 4.0 and later).
pub(super) const STARTUP_HEALTH: &str = "/api/am/gateway/v2/server-startup-healthcheck";
/// Whether the servlet transports answer.
pub(super) const VERSION: &str = "/services/Version";
/// The console's first page.
pub(super) const LOGIN: &str = "/carbon/admin/login.jsp";
/// Where the console saves a sequence.
pub(super) const CONSOLE_SEQUENCES: &str = "/carbon/sequences/save-sequence.jsp";
/// The Carbon admin service that adds APIs.
pub(super) const ADMIN_SERVICE: &str = "/services/RESTAPIAdmin";
/// The Publisher's API, to create an API and deploy it.
pub(super) const PUBLISHER_APIS: &str = "/api/am/publisher/v1/apis";
/// The Developer Portal's API, to create an application.
pub(super) const PORTAL_APPLICATIONS: &str = "/api/am/store/v1/applications";

/// The path below which an API is served: its name and its version.
pub(super) fn context(api: &ApiSpec) -> String {
    below_context(api, "")
}

/// A path of an API, of which `rest` comes after its context.
pub(super) fn below_context(api: &ApiSpec, rest: &str) -> String {
    ["/", &encode(&api.name), "/", &encode(&api.version), rest].concat()
}

/// The path under which the management API knows an API.
pub(super) fn managed(api: &ApiSpec) -> String {
    format!("{MANAGED_APIS}{}", context(api))
}

/// The API that a path of the management API names.
pub(super) fn managed_api(path: &str) -> Option<ApiSpec> {
    let (name, version) = path.strip_prefix(MANAGED_APIS)?.strip_prefix('/')?.split_once('/')?;
    if name.is_empty() || version.is_empty() || version.contains('/') {
        return None;
    }
    Some(ApiSpec { name: decode(name)?.into(), version: decode(version)?.into() })
}

/// A name as it stands in a path: all but unreserved characters are percent-encoded.
fn encode(name: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if name.bytes().all(plain) {
        return Cow::Borrowed(name);
    }
    let byte = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    Cow::Owned(name.bytes().map(byte).collect())
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_survives_its_path(name in "\\PC{1,20}", version in "\\PC{1,8}") {
            let api = ApiSpec { name: name.into(), version: version.into() };
            let path = managed(&api);
            prop_assert!(http::Uri::try_from(path.as_str()).is_ok());
            prop_assert_eq!(managed_api(&path), Some(api));
        }

        #[test]
        fn no_path_makes_it_panic(path in "/api/am/gateway/v2/apis[/%a-zé0-9]{0,20}") {
            let _ = managed_api(&path);
        }
    }
}
