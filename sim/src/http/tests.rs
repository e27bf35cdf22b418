//! Connections in a small world.

mod peer;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use harness::time::SimTime;
use harness::trace::Recorder;

use super::*;
use crate::config::HostsFile;
use crate::disk::Disk;
use crate::engine::Engine;
use crate::host::HostSpec;
use crate::network::LinkSpec;

/// A client asks a server at these seconds on one connection; what it saw.
fn ask(server: Scheme, client: Scheme, at_seconds: &'static [u64]) -> Vec<String> {
    let spec = |name: &str, last: u8| HostSpec {
        name: name.into(),
        address: IpAddr::from([10, 0, 0, last]),
        names: HostsFile::default(),
        disk: Disk::default(),
    };
    let hosts = vec![spec("client", 1), spec("server", 2)];
    let mut engine = Engine::new(1, Recorder::new(), LinkSpec::default(), hosts);
    engine.hosts()[1].spawn("server", |process| async move {
        let listener = process.listen(80).await.unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let own = process.clone();
            process.spawn(async move {
                let idle = Some(Duration::from_secs(60));
                let _ = serve(&own, stream, server, idle, |request| async move {
                    answer(200, request.head.target.path().to_owned())
                })
                .await;
            });
        }
    });
    let seen: Rc<RefCell<Vec<String>>> = Rc::default();
    let noted = Rc::clone(&seen);
    engine.hosts()[0].spawn("client", |process| async move {
        let address = SocketAddr::from(([10, 0, 0, 2], 80));
        let mut connection = match Connection::open(&process, address, client).await {
            Ok(connection) => connection,
            Err(error) => return noted.borrow_mut().push(error.to_string()),
        };
        for &second in at_seconds {
            process.sleep_until(SimTime::from_secs(second)).await;
            let request = http::Request::builder().uri("/pizza").body(Bytes::new()).unwrap();
            let line = match connection.send((&request).into()).await {
                Ok(response) => {
                    let status = response.status;
                    format!("{status} {:?}", connection.read_body().await.unwrap())
                }
                Err(error) => root_cause(&error),
            };
            noted.borrow_mut().push(line);
        }
    });
    engine.run_until(SimTime::from_secs(600));
    seen.take()
}

#[test]
fn requests_are_answered_on_one_connection_until_it_was_idle_too_long() {
    let seen = ask(Scheme::Https, Scheme::Https, &[1, 50, 200]);
    assert_eq!(seen[..2], ["200 OK b\"/pizza\"", "200 OK b\"/pizza\""]);
    assert_eq!(seen.len(), 3);
    assert!(!seen[2].starts_with("200"), "{seen:?}");
}

#[test]
fn plain_http_to_a_tls_port_is_a_bad_request() {
    assert_eq!(ask(Scheme::Https, Scheme::Http, &[1]), ["400 Bad Request b\"\""]);
}

#[test]
fn tls_to_a_plain_port_is_an_error() {
    assert_eq!(ask(Scheme::Http, Scheme::Https, &[1]), ["the server does not speak TLS"]);
}
