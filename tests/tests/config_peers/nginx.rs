//! `nginx -t` and our reader give the same verdict, in the same words, at the same line.

use std::fs;
use std::process::Command;

use sim::config::nginx::{Support, directive_names};

use crate::{cluster_with, errors_in, is_here, run, shown};

const FILE: &str = "balancer/nginx.conf";

/// What nginx says of a file: nothing when it takes it, else its message and line.
struct Nginx {
    folder: tempfile::TempDir,
}

impl Nginx {
    fn new() -> Option<Self> {
        let nginx = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        fs::write(nginx.path("probe.conf"), "events {}\n").expect("a file");
        is_here("nginx -t", nginx.command("probe.conf")).then_some(nginx)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new("nginx");
        command.args(["-t", "-q", "-e", "/dev/null", "-p"]).arg(self.folder.path());
        command.arg("-g").arg(format!("pid {};", self.path("pid").display())).arg("-c").arg(self.path(name));
        command
    }

    fn verdict(&self, text: &str) -> Result<(), (String, usize)> {
        fs::write(self.path("nginx.conf"), text).expect("a file");
        let output = run(&mut self.command("nginx.conf"));
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let file = format!(" in {}", self.path("nginx.conf").display());
        let emergency = said.lines().find(|line| line.contains("[emerg]")).unwrap_or(&said);
        let message = emergency.split_once("[emerg] ").map_or(emergency, |(_, message)| message);
        let (message, line) = message.split_once(&file).unwrap_or((message, ""));
        let line = line.trim_start_matches(':').parse().unwrap_or(0);
        Err((message.to_owned(), line))
    }
}

/// A file with these lines in its `http` block, which begin in line 3.
fn http(lines: &str) -> String {
    format!("events {{}}\nhttp {{\n{lines}\n}}\n")
}

#[test]
fn the_documented_balancer_is_valid_for_nginx_too() {
    let Some(nginx) = Nginx::new() else { return };
    let files = cluster_with("none", "");
    // With a variable in its name nginx loads a certificate only when it is used.
    let text =
        files.files[FILE].replace("am.wso2.com.crt", "$host.crt").replace("am.wso2.com.key", "$host.key");
    assert_eq!(nginx.verdict(&text), Ok(()));
    let errors = errors_in(&files, FILE);
    assert!(errors.is_empty(), "{}", shown(&errors));
}

#[test]
fn both_take_the_same_files() {
    let Some(nginx) = Nginx::new() else { return };
    for lines in [
        "server { listen 8080; location / { proxy_pass http://10.0.0.21:9763; } }",
        "upstream a { server 10.0.0.21:8243 weight=2 max_fails=3 fail_timeout=30s; server 10.0.0.22 backup; }\nserver { location / { proxy_pass https://a/x; } }",
        "upstream a { ip_hash; server 10.0.0.21 down; server 10.0.0.22 max_conns=5; keepalive 8; }\nserver { location = /x { proxy_pass http://a; } }",
        "upstream a { zone a 64k; least_conn; server 10.0.0.21; }\nserver { location ^~ / { proxy_pass http://A; } }",
        "proxy_read_timeout 5m; proxy_connect_timeout 1m30s; proxy_send_timeout 500ms;\nserver { listen 8081 default_server; server_name a *.b c.* .d \"\" _; }",
        "proxy_next_upstream error timeout http_502 non_idempotent; proxy_next_upstream_tries 3; proxy_next_upstream_timeout 0;\nserver { listen 127.0.0.1:8082; return 301 https://$host$request_uri; }",
        "server { rewrite ^/(.*) https://am.wso2.com/$1 permanent; }\nserver { server_name b; rewrite ^ https://b$request_uri? redirect; }",
        "server { location / { proxy_set_header Host $http_host; proxy_set_header X-A \"a b ${remote_addr}\"; proxy_set_header X-B ''; proxy_pass http://10.0.0.22; } }",
        "server { listen [::]:8083; listen 8083; location /a { return 200 'x'; } location /b { return 404; } }",
        "sendfile on; tcp_nopush on; keepalive_timeout 65; gzip on; server_tokens off; default_type text/plain; types { text/html html; }\nserver { }",
        "server { proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off; location / { proxy_pass http://10.0.0.21; } }",
        "# a comment; { \nserver { # }\n listen 8084;\n}",
    ] {
        let text = http(lines);
        let errors = errors_in(&cluster_with(FILE, &text), FILE);
        assert!(errors.is_empty(), "{}", shown(&errors));
        assert_eq!(nginx.verdict(&text), Ok(()), "{text}");
    }
}

#[test]
fn both_refuse_the_same_files_in_the_same_words_at_the_same_line() {
    let Some(nginx) = Nginx::new() else { return };
    for lines in [
        "\nupstraem a { server 10.0.0.21; }",
        "\nproxy_pass http://10.0.0.21;",
        "server { listen; }",
        "\n\nserver;",
        "proxy_read_timeout 5m { }",
        "proxy_read_timeout 5m;\nproxy_read_timeout 5m;",
        "proxy_http_version 1.1;\nproxy_http_version 1.1;",
        "server { location / { proxy_pass http://10.0.0.21;\nproxy_pass http://10.0.0.21; } }",
        "proxy_read_timeout 5 m;",
        "\nproxy_http_version 2;",
        "proxy_buffering maybe;",
        "upstream a { }",
        "upstream a { server 10.0.0.21; }\nupstream a { server 10.0.0.21; }",
        "upstream a {\nserver 10.0.0.21 weigth=2; }",
        "upstream a { server 10.0.0.21 weight=0; }",
        "upstream a { server 10.0.0.21 max_fails=x; }",
        "upstream a { server 10.0.0.21 fail_timeout=500ms; }",
        "upstream a { server 10.0.0.21 slow_start=5s; }",
        "upstream a { ip_hash; server 10.0.0.21;\nserver 10.0.0.22 backup; }",
        "upstream a { keepalive 0; server 10.0.0.21; }",
        "upstream a { keepalive 5; keepalive 5; server 10.0.0.21; }",
        "upstream a { server 10.0.0.21:0; }",
        "upstream a { server 10.0.0.21:x; }",
        "upstream a { server 10.0.0.21; }\nserver { location / { proxy_pass http://a:80; } }",
        "server { location / { proxy_pass a; } }",
        "server { location / { proxy_pass; } }",
        "server { location / { }\nlocation / { } }",
        "server { location % / { } }",
        "server { listen 8085;\nlisten 8085; }",
        "server { listen 8085 default_server; }\nserver { listen 8085 default_server; }",
        "server { listen 8085 deflaut_server; }",
        "server { listen 0; }",
        "server { listen 65536; }",
        "server { listen 8443 ssl; }",
        "server { return 1000; }",
        "server { return; }",
        "server { rewrite ^/(.*) https://a/$1 permanently; }",
        "server { server_name a*b; }\nserver { server_name c; }",
        "server { server_name *a; }",
        "server { server_name .; }",
        "server { server_name *.; }",
        "server { location / {\nproxy_set_header X $hots; } }",
        "server { location / { proxy_set_header X \"${host\"; } }",
        "server { location / { proxy_next_upstream erorr; } }",
        "server { location / { proxy_next_upstream_tries x; } }",
        "server { } }",
        "server {\nlisten 8085 }",
        "server {",
        ";",
        "server { listen '8085'x; }",
        "{ }",
        "worker_processes 2;",
        "events { }",
    ] {
        let text = http(lines);
        let Err((message, line)) = nginx.verdict(&text) else { panic!("nginx takes:\n{text}") };
        let errors = errors_in(&cluster_with(FILE, &text), FILE);
        // Their word for a wrong value names the value only sometimes: the shared part is enough.
        let words = |text: &str| {
            text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect::<Vec<_>>()
        };
        let theirs = words(&message);
        let agrees = errors.iter().any(|error| {
            let ours = words(&error.message);
            let shared = theirs.iter().filter(|word| !word.is_empty() && ours.contains(word)).count();
            // nginx names the line in which it stopped reading: for a block, that of its end.
            shared >= theirs.iter().filter(|word| !word.is_empty()).count().min(2)
                && (line == 0 || error.line() <= line)
        });
        assert!(agrees, "nginx: {message} (line {line})\n{text}\nours:\n{}", shown(&errors));
    }
}

/// Contexts and what stands around a directive there.
const CONTEXTS: [(&str, &str); 6] = [
    ("", "\nevents {} http { server { listen 8086; } }"),
    ("events {", "} http { server { listen 8086; } }"),
    ("events {} http {", " server { listen 8086; } }"),
    ("events {} http { server { listen 8086;", "} }"),
    ("events {} http { server { listen 8086; location / {", "} } }"),
    ("events {} http { server { listen 8086; } upstream u { server 10.0.0.21;", "} }"),
];

/// What kind of mistake a message is about.
fn kind(message: &str, name: &str) -> &'static str {
    let about = |words: &str| message.contains(&words.replace('%', name));
    if about("unknown directive \"%\"") {
        "unknown"
    } else if about("\"%\" directive is not allowed here") {
        "not allowed here"
    } else if about("directive \"%\" has no opening") || about("directive \"%\" is not terminated") {
        "block"
    } else if about("invalid number of arguments in \"%\"") {
        "arguments"
    } else {
        "other"
    }
}

#[test]
fn both_know_the_same_directives_in_the_same_places_with_as_many_arguments() {
    let Some(nginx) = Nginx::new() else { return };
    let mut wrong = Vec::new();
    for (name, support) in directive_names() {
        if support == Support::Refused {
            let theirs = nginx.verdict(&format!("{name};")).expect_err("no events block");
            if kind(&theirs.0, name) == "unknown" {
                wrong.push(format!("nginx does not know `{name}`"));
            }
            continue;
        }
        let mut placed = None;
        for (before, after) in CONTEXTS {
            let text = format!("{before} {name}; {after}");
            let (theirs, ours) = both(&nginx, &text, name);
            if theirs != ours {
                wrong.push(format!("{text}: nginx says {theirs}, we say {ours}"));
            }
            if theirs != "not allowed here" {
                placed = placed.or(Some((before, after)));
            }
        }
        let Some((before, after)) = placed else {
            wrong.push(format!("nginx takes `{name}` nowhere"));
            continue;
        };
        for count in 1..=3 {
            for end in if count == 1 { [";", " {}"].as_slice() } else { &[";"] } {
                let text = format!("{before} {name}{}{end} {after}", " 1".repeat(count));
                let (theirs, ours) = both(&nginx, &text, name);
                if theirs != ours {
                    wrong.push(format!("{text}: nginx says {theirs}, we say {ours}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What nginx and our reader have against one directive; `other` when its name, place and number of arguments
/// are in order.
fn both(nginx: &Nginx, text: &str, name: &str) -> (&'static str, &'static str) {
    let theirs = nginx.verdict(text).err().map_or("other", |(message, _)| kind(&message, name));
    let errors = errors_in(&cluster_with(FILE, text), FILE);
    let ours = errors.iter().map(|error| kind(&error.message, name)).find(|kind| *kind != "other");
    (theirs, ours.unwrap_or("other"))
}

#[test]
fn neither_knows_a_directive_that_does_not_exist() {
    let Some(nginx) = Nginx::new() else { return };
    for name in ["proxy_pas", "Server", "listen443", "am.wso2.com", "ssl_on", "fail_timeout"] {
        let text = http(&format!("server {{ {name} x; }}"));
        assert_eq!(both(&nginx, &text, name), ("unknown", "unknown"), "{name}");
    }
}
