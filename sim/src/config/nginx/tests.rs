//! What becomes of whole files.

use std::net::IpAddr;
use std::time::Duration;

use harness::finding::{Finding, Findings, Severity, Source};
use harness::trace::NodeName;
use proptest::prelude::*;

use super::*;
use crate::config::HostsEntry;

fn parse(text: &str) -> (Option<NginxConfig>, Findings) {
    let ip = |last| IpAddr::from([10, 0, 0, last]);
    let hosts =
        HostsFile { entries: vec![HostsEntry { address: ip(22), names: vec!["worker2".to_owned()] }] };
    let nodes: Vec<(NodeName, IpAddr)> =
        vec![("balancer".into(), ip(5)), ("w1".into(), ip(21)), ("w2".into(), ip(22))];
    let around = Around { hosts: &hosts, own: ip(5), nodes: &nodes };
    let mut findings = Findings::new();
    let config = read(&Source::new("nginx.conf", text), Some(&around), &mut findings);
    (config, findings)
}

/// A file with these lines in its `http` block.
fn http(lines: &str) -> String {
    format!("events {{}}\nhttp {{\n{lines}\n}}\n")
}

fn good(lines: &str) -> NginxConfig {
    let (config, findings) = parse(&http(lines));
    assert!(findings.is_empty(), "{findings}");
    config.unwrap()
}

fn proxy(config: &NginxConfig) -> &Proxy {
    match &config.servers[0].locations[0].action {
        Action::Proxy(proxy) => proxy,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_has_the_defaults_of_nginx_where_the_file_is_silent() {
    let config = good(
        "upstream a { server 10.0.0.21:8243; server worker2:8243 weight=3 max_fails=0 fail_timeout=1m30s backup; }
         upstream b { least_conn; server 10.0.0.21 down; server 10.0.0.22; keepalive 16; zone b 64k; }
         server { location / { proxy_pass https://a; } }",
    );
    let [first, second] = config.upstreams[0].servers.as_slice() else { panic!() };
    assert_eq!((first.weight, first.max_fails, first.fail_timeout), (1, 1, Duration::from_secs(10)));
    assert_eq!(second.address.to_string(), "10.0.0.22:8243");
    assert_eq!((second.weight, second.max_fails, second.backup), (3, 0, true));
    assert_eq!(second.fail_timeout, Duration::from_secs(90));
    let b = &config.upstreams[1];
    assert_eq!(
        (b.method, b.keepalive, b.zone, b.servers[0].address.port()),
        (Method::LeastConn, Some(16), true, 80)
    );
    let proxy = proxy(&config);
    assert_eq!((proxy.upstream, proxy.tls, proxy.host.as_str(), &proxy.path), (0, true, "a", &None));
    assert_eq!(proxy.read_timeout, Duration::from_secs(60));
    assert!(proxy.next_upstream.error && proxy.next_upstream.timeout && !proxy.http_1_1);
    let names: Vec<_> = proxy.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "Connection"]);
}

#[test]
fn a_block_inherits_settings_and_headers_only_if_it_sets_none() {
    let config = good(
        "proxy_read_timeout 5m; proxy_set_header X-A a; proxy_set_header Host $http_host;
         server { proxy_next_upstream error http_502 non_idempotent; proxy_next_upstream_tries 2;
                  location / { proxy_pass http://10.0.0.21:9763/x; }
                  location /b { proxy_set_header X-B b; proxy_pass http://10.0.0.21:9763; } }",
    );
    let first = proxy(&config);
    assert_eq!((first.read_timeout, first.next_upstream_tries), (Duration::from_secs(300), 2));
    assert_eq!(first.path.as_deref(), Some("/x"));
    assert!(!first.next_upstream.timeout && first.next_upstream.non_idempotent);
    assert_eq!(first.next_upstream.statuses, [502]);
    let names = |proxy: &Proxy| proxy.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(first), ["Connection", "X-A", "Host"]);
    let Action::Proxy(second) = &config.servers[0].locations[1].action else { panic!() };
    assert_eq!(names(second), ["Host", "Connection", "X-B"]);
    assert_eq!((first.upstream, second.upstream, config.upstreams.len()), (0, 0, 1));
}

#[test]
fn what_clients_may_do_is_inherited() {
    let config = good(
        "keepalive_timeout 10s 20s; client_max_body_size 8m; client_header_timeout 5;
         upstream a { server 10.0.0.21; keepalive 2; keepalive_timeout 3s; keepalive_requests 7; keepalive_time 1m; }
         server { keepalive_requests 5; client_body_timeout 2s;
                  location / { proxy_pass http://a; proxy_ignore_client_abort on; client_max_body_size 0; } }
         server { server_name b; keepalive_timeout 0; keepalive_time 2h; }",
    );
    let [first, second] = config.servers.as_slice() else { panic!() };
    let seconds = Duration::from_secs;
    assert_eq!((first.client.keepalive.timeout, first.client.keepalive.requests), (seconds(10), 5));
    assert_eq!((first.client.header_timeout, first.client.body_timeout), (seconds(5), seconds(2)));
    assert_eq!(first.client.body_bytes_max, Some(8 << 20));
    assert_eq!(first.locations[0].client, ClientSettings { body_bytes_max: None, ..first.client });
    assert!(proxy(&config).ignore_client_abort);
    assert_eq!((second.client.keepalive.timeout, second.client.keepalive.time), (seconds(0), seconds(7200)));
    let limits = KeepAlive { requests: 7, time: seconds(60), timeout: seconds(3) };
    assert_eq!(config.upstreams[0].keepalive_limits, limits);
}

#[test]
fn a_redirect_is_the_same_by_return_and_by_rewrite_but_for_the_query() {
    let config = good(
        "server { server_name a; rewrite ^/(.*) https://a/$1 permanent; }
         server { server_name b; return 301 https://$host$request_uri; }
         server { server_name c; return https://c; }",
    );
    let answer = |index: usize| config.servers[index].answer.clone().unwrap();
    assert_eq!((answer(0).status, answer(0).add_query), (301, true));
    assert_eq!(answer(0).text.unwrap().parts[1], Part::Variable(Variable::UriAfterSlash));
    assert_eq!((answer(1).status, answer(1).add_query), (301, false));
    assert_eq!(answer(2).status, 302);
}

#[test]
fn names_and_places_of_server_blocks_are_read() {
    let config = good(
        "server { listen 80 default_server; listen 10.0.0.5:8080; listen [::]:80;
                  server_name AM.wso2.com .example.com www.* *.wso2.com; location = /x { return 200; } }
         server { }",
    );
    let server = &config.servers[0];
    let listens: Vec<_> = server.listens.iter().map(|l| (l.address, l.port, l.default_server)).collect();
    let own = Some(IpAddr::from([10, 0, 0, 5]));
    assert_eq!(listens[..2], [(None, 80, true), (own, 8080, false)]);
    let shown: Vec<_> = server.names.iter().map(ServerName::shown).collect();
    assert_eq!(shown, ["am.wso2.com", ".example.com", "www.*", "*.wso2.com"]);
    assert!(server.locations[0].exact);
    assert_eq!(config.servers[1].listens[0].port, 80);
}

#[test]
fn what_nginx_refuses_is_refused_in_its_words() {
    for (lines, words) in [
        ("upstraem a { }", "unknown directive \"upstraem\""),
        ("server { proxy_pass http://10.0.0.21; }", "\"proxy_pass\" directive is not allowed here"),
        ("server { listen; }", "invalid number of arguments in \"listen\" directive"),
        ("server;", "directive \"server\" has no opening \"{\""),
        ("proxy_read_timeout 5m {}", "directive \"proxy_read_timeout\" is not terminated by \";\""),
        ("proxy_read_timeout 5m; proxy_read_timeout 6m;", "\"proxy_read_timeout\" directive is duplicate"),
        ("proxy_read_timeout 5 minutes;", "invalid number of arguments"),
        ("proxy_read_timeout 5minutes;", "invalid value"),
        ("upstream a { }", "no servers are inside upstream"),
        ("upstream a { server 10.0.0.21; } upstream a { server 10.0.0.21; }", "duplicate upstream \"a\""),
        ("upstream a { server nowhere:80; }", "host not found in upstream \"nowhere\""),
        ("upstream a { server 10.0.0.21 weigth=2; }", "invalid parameter \"weigth=2\""),
        (
            "upstream a { ip_hash; server 10.0.0.21; server 10.0.0.22 backup; }",
            "does not support parameter \"backup\"",
        ),
        (
            "upstream a { server 10.0.0.21; } server { location / { proxy_pass http://a:80; } }",
            "upstream \"a\" may not have port 80",
        ),
        ("server { location / { proxy_pass a; } }", "invalid URL prefix"),
        ("server { location / { } location / { } }", "duplicate location \"/\""),
        ("server { listen 80; listen 80; }", "a duplicate listen 80"),
        (
            "server { listen 80 default_server; } server { listen 80 default_server; }",
            "a duplicate default server for 80",
        ),
        ("server { listen 443 ssl; }", "no \"ssl_certificate\" is defined"),
        ("server { return 1000; }", "invalid return code \"1000\""),
        ("server { location / { proxy_set_header X $hots; } }", "unknown \"hots\" variable"),
        ("server { location / { proxy_next_upstream erorr; } }", "invalid value \"erorr\""),
        ("server { } }", "unexpected \"}\""),
        ("server { listen 80 }", "unexpected \"}\""),
        ("server {", "unexpected end of file, expecting \"}\""),
        (";", "unexpected \";\""),
    ] {
        let (_, findings) = parse(&http(lines));
        assert!(findings.has_errors(), "{lines}");
        assert!(findings.iter().any(|finding| finding.message.contains(words)), "{lines}\n{findings}");
    }
    assert!(parse("http { server { } }").1.to_string().contains("no \"events\" section"));
}

#[test]
fn what_nginx_knows_and_the_model_does_not_is_refused() {
    for lines in [
        "map $host $x { default 1; }",
        "server { location ~ \\.php$ { } }",
        "server { location / { if ($host) { return 403; } } }",
        "server { location / { proxy_pass http://$host; } }",
        "server { rewrite ^/old/(.*) /new/$1 last; }",
        "server { server_name ~^www; }",
        "include /etc/nginx/conf.d/*.conf;",
        "server { location / { location /a { } } }",
        "upstream a { server unix:/run/x; }",
        "upstream a { server 10.0.0.99; }",
        "server { listen 10.0.0.99:80; }",
        "proxy_cache_path /x keys_zone=a:1m;",
    ] {
        assert!(parse(&http(lines)).1.has_errors(), "{lines}");
    }
}

#[test]
fn all_mistakes_of_a_file_come_back_at_once() {
    let (_, findings) = parse(&http(
        "upstraem a { }\nserver { listen 80 }\nproxy_read_timeout x;\nserver { location / { proxy_pass y; } }",
    ));
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let lines: Vec<_> = errors.map(Finding::line).collect();
    assert_eq!(lines.len(), 4, "{findings}");
    for line in [3, 4, 5, 6] {
        assert!(lines.contains(&line), "{findings}");
    }
}

#[test]
fn deep_nesting_is_refused_rather_than_followed() {
    assert!(parse(&"a {".repeat(100_000)).1.has_errors());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_text_is_read(text in "\\PC*|(events|http|server|location|listen|upstream|proxy_pass|return|rewrite|server_name|[ {};/$:0-9a\"'#\\\\\n=~*.\\[ü])*") {
        for finding in parse(&text).1.iter() {
            prop_assert!(text.get(finding.span.clone()).is_some());
        }
        for finding in parse(&http(&text)).1.iter() {
            prop_assert!(finding.source.text.get(finding.span.clone()).is_some());
        }
    }
}
