//! The cases.
//!
//! Marks last a second here (`fail_timeout=1s`): nginx counts whole seconds, so a server that failed is surely
//! left out for one second, and surely back after two.

use crate::script::Mode::{Answer, Close, CloseAfterRead, Half, HalfThenHang, Hang, Refuse, Silent};
use crate::script::Step::{Ask, Begin, Leave, Repeat, Set, Wait};
use crate::script::{Case, ask, get};

/// After this, no mark of `fail_timeout=1s` is left.
const UNMARKED_MS: u64 = 2100;

/// All of them.
pub fn all() -> Vec<Case> {
    let mut all = choosing();
    all.extend(failing());
    all.extend(passing_on());
    all.extend(breaking());
    all.extend(routing());
    all
}

const TWO: &str = "
    upstream be { server 10.0.0.21:80 fail_timeout=1s; server 10.0.0.22:80 fail_timeout=1s; }
    server { listen 80; server_name am.example; location / { proxy_pass http://be; proxy_read_timeout 1s; } }
";

fn choosing() -> Vec<Case> {
    vec![
        Case {
            name: "weights are spread smoothly",
            conf: "
                upstream be { server 10.0.0.21:80 weight=5; server 10.0.0.22:80; server 10.0.0.23:80 weight=2; }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![Repeat(17, get("/"))],
        },
        Case {
            name: "a client keeps its server by ip_hash",
            conf: "
                upstream be {
                    ip_hash;
                    server 10.0.0.21:80 fail_timeout=1s weight=2;
                    server 10.0.0.22:80 fail_timeout=1s;
                    server 10.0.0.23:80 fail_timeout=1s;
                }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![
                Repeat(3, get("/")),
                Set(0, Refuse),
                Repeat(4, get("/")),
                Set(1, Refuse),
                Repeat(3, get("/")),
                Set(2, Refuse),
                Repeat(3, get("/")),
                Set(0, Answer(200)),
                Set(1, Answer(200)),
                Set(2, Answer(200)),
                Wait(UNMARKED_MS),
                Repeat(3, get("/")),
            ],
        },
        Case {
            name: "the fewest connections win with least_conn",
            conf: "
                upstream be { least_conn; server 10.0.0.21:80; server 10.0.0.22:80 weight=2; server 10.0.0.23:80; }
                server { listen 80; location / { proxy_pass http://be; proxy_read_timeout 3s; } }
            ",
            steps: vec![
                Set(0, Hang),
                Begin(ask("POST", "/held")),
                Begin(ask("POST", "/held")),
                Begin(ask("POST", "/held")),
                Set(0, Answer(200)),
                Repeat(9, get("/")),
            ],
        },
        Case {
            name: "a backup serves only when the others are out",
            conf: "
                upstream be {
                    server 10.0.0.21:80 fail_timeout=1s;
                    server 10.0.0.22:80 fail_timeout=1s;
                    server 10.0.0.23:80 backup;
                }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![
                Repeat(3, get("/")),
                Set(0, Refuse),
                Repeat(3, get("/")),
                Set(1, Refuse),
                Repeat(3, get("/")),
                Set(2, Refuse),
                Repeat(3, get("/")),
                Set(0, Answer(200)),
                Wait(UNMARKED_MS),
                Repeat(4, get("/")),
            ],
        },
        Case {
            name: "a backup makes a group of one server more than one",
            conf: "
                upstream be { server 10.0.0.21:80 fail_timeout=1s; server 10.0.0.22:80 backup fail_timeout=1s; }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![Set(0, Close), Repeat(3, get("/")), Wait(UNMARKED_MS), Repeat(2, get("/"))],
        },
        Case {
            name: "a server that is down is never tried",
            conf: "
                upstream be { server 10.0.0.21:80 down; server 10.0.0.22:80 fail_timeout=1s; server 10.0.0.23:80; }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![Repeat(3, get("/")), Set(1, Refuse), Repeat(3, get("/")), Set(2, Refuse), Repeat(2, get("/"))],
        },
        Case {
            name: "a server takes no more connections than max_conns",
            conf: "
                upstream be { server 10.0.0.21:80 max_conns=1; server 10.0.0.22:80; }
                server { listen 80; location / { proxy_pass http://be; proxy_read_timeout 2s; } }
            ",
            steps: vec![Set(0, Hang), Begin(ask("POST", "/held")), Repeat(3, get("/"))],
        },
    ]
}

/// The case that a planted bug must change.
pub fn refusing() -> Case {
    Case {
        name: "a server that refuses is marked",
        conf: TWO,
        steps: vec![Set(0, Refuse), Repeat(4, get("/"))],
    }
}

fn failing() -> Vec<Case> {
    vec![
        refusing(),
        Case {
            name: "a machine without power costs the connect timeout",
            conf: "
                upstream be { server 10.0.0.21:80 fail_timeout=1s; server 10.0.0.22:80 fail_timeout=1s; }
                server { listen 80; location / { proxy_pass http://be; proxy_connect_timeout 1s; } }
            ",
            steps: vec![
                Set(0, Silent),
                Repeat(3, get("/")),
                Wait(UNMARKED_MS),
                Repeat(4, ask("POST", "/")),
                Set(1, Silent),
                Wait(UNMARKED_MS),
                Repeat(2, get("/")),
            ],
        },
        Case {
            name: "a machine that loses power in the middle of a request costs the read timeout",
            conf: TWO,
            steps: vec![Set(0, Hang), Begin(get("/")), Set(0, Silent), Wait(UNMARKED_MS), Repeat(2, get("/"))],
        },
        Case {
            name: "a server that refuses is marked and tried again later",
            conf: TWO,
            steps: vec![
                Repeat(2, get("/")),
                Set(0, Refuse),
                Repeat(4, get("/")),
                Wait(UNMARKED_MS),
                Repeat(4, get("/")),
                Set(0, Answer(200)),
                Repeat(2, get("/")),
                Wait(UNMARKED_MS),
                Repeat(6, get("/")),
            ],
        },
        Case {
            name: "when all are out the marks stay",
            conf: TWO,
            steps: vec![
                Set(0, Refuse),
                Set(1, Refuse),
                Repeat(4, get("/")),
                Set(0, Answer(200)),
                Set(1, Answer(200)),
                Repeat(3, get("/")),
                Wait(UNMARKED_MS),
                Repeat(5, get("/")),
            ],
        },
        Case {
            name: "three failures are allowed with max_fails",
            conf: "
                upstream be {
                    server 10.0.0.21:80 max_fails=3 fail_timeout=1s weight=4;
                    server 10.0.0.22:80 max_fails=2 fail_timeout=1s;
                }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![
                Set(0, Close),
                Repeat(8, get("/")),
                Wait(UNMARKED_MS),
                Repeat(8, get("/")),
                Set(0, Answer(200)),
                Wait(UNMARKED_MS),
                Repeat(12, get("/")),
                Set(1, Refuse),
                Repeat(10, get("/")),
            ],
        },
        Case {
            name: "failures are forgotten after fail_timeout",
            conf: "
                upstream be { server 10.0.0.21:80 max_fails=2 fail_timeout=1s; server 10.0.0.22:80; }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![
                Set(0, CloseAfterRead),
                Repeat(2, get("/")),
                Set(0, Answer(200)),
                Wait(UNMARKED_MS),
                Repeat(4, get("/")),
                Set(0, CloseAfterRead),
                Repeat(2, get("/")),
                Set(0, Answer(200)),
                Repeat(4, get("/")),
            ],
        },
        Case {
            name: "with max_fails=0 nobody is marked",
            conf: "
                upstream be { server 10.0.0.21:80 max_fails=0; server 10.0.0.22:80 max_fails=0; }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![Set(0, Refuse), Repeat(4, get("/")), Set(1, Refuse), Repeat(3, get("/"))],
        },
        Case {
            name: "the only server of a group is never marked",
            conf: "
                upstream be { server 10.0.0.21:80; }
                server { listen 80; location / { proxy_pass http://be; } location /direct { proxy_pass http://10.0.0.22:80; } }
            ",
            steps: vec![
                Set(0, Refuse),
                Set(1, Refuse),
                Repeat(3, get("/")),
                Repeat(2, get("/direct")),
                Set(0, Answer(200)),
                Set(1, Answer(200)),
                Repeat(2, get("/")),
                Repeat(2, get("/direct")),
            ],
        },
    ]
}

fn passing_on() -> Vec<Case> {
    vec![
        Case {
            name: "what was sent is passed on only if it may be repeated",
            conf: TWO,
            steps: vec![
                Set(0, CloseAfterRead),
                Ask(get("/")),
                Wait(UNMARKED_MS),
                Repeat(4, ask("POST", "/")),
                Wait(UNMARKED_MS),
                Repeat(4, ask("PUT", "/")),
                Wait(UNMARKED_MS),
                Repeat(4, ask("PATCH", "/")),
                Wait(UNMARKED_MS),
                Repeat(4, ask("DELETE", "/")),
            ],
        },
        Case {
            name: "what was not sent is passed on",
            conf: TWO,
            steps: vec![Set(0, Refuse), Repeat(3, ask("POST", "/"))],
        },
        Case {
            name: "non_idempotent passes a POST on",
            conf: "
                upstream be { server 10.0.0.21:80 fail_timeout=1s; server 10.0.0.22:80 fail_timeout=1s; }
                server {
                    listen 80;
                    location / { proxy_pass http://be; proxy_next_upstream error non_idempotent; proxy_read_timeout 1s; }
                }
            ",
            steps: vec![
                Set(0, CloseAfterRead),
                Repeat(2, ask("POST", "/")),
                Set(0, Hang),
                Wait(UNMARKED_MS),
                Repeat(3, get("/")),
            ],
        },
        Case {
            name: "with proxy_next_upstream off nothing is passed on but marks are made",
            conf: "
                upstream be { server 10.0.0.21:80 fail_timeout=1s; server 10.0.0.22:80 fail_timeout=1s; }
                server { listen 80; location / { proxy_pass http://be; proxy_next_upstream off; } }
            ",
            steps: vec![Set(0, Refuse), Repeat(3, get("/")), Wait(UNMARKED_MS), Repeat(4, get("/"))],
        },
        Case {
            name: "a server that says nothing costs a read timeout",
            conf: TWO,
            steps: vec![
                Set(0, Hang),
                Ask(get("/")),
                Wait(UNMARKED_MS),
                Repeat(3, ask("POST", "/")),
                Wait(UNMARKED_MS),
                Set(1, Hang),
                Ask(get("/")),
                Ask(get("/")),
            ],
        },
        Case {
            name: "an unwanted status is passed over",
            conf: "
                upstream be { server 10.0.0.21:80 fail_timeout=1s; server 10.0.0.22:80 fail_timeout=1s; server 10.0.0.23:80 fail_timeout=1s; }
                server { listen 80; location / { proxy_pass http://be; proxy_next_upstream error http_503 http_500; } }
            ",
            steps: vec![
                Set(0, Answer(503)),
                Repeat(4, get("/")),
                Wait(UNMARKED_MS),
                Repeat(4, ask("POST", "/")),
                Set(1, Answer(500)),
                Set(2, Answer(502)),
                Wait(UNMARKED_MS),
                Repeat(4, get("/")),
                Set(2, Answer(503)),
                Wait(UNMARKED_MS),
                Repeat(4, get("/")),
            ],
        },
        Case {
            name: "a 404 that is passed over marks nobody",
            conf: "
                upstream be { server 10.0.0.21:80; server 10.0.0.22:80; }
                server { listen 80; location / { proxy_pass http://be; proxy_next_upstream http_404; } }
            ",
            steps: vec![Set(0, Answer(404)), Repeat(4, get("/")), Set(1, Answer(404)), Repeat(3, get("/"))],
        },
        Case {
            name: "an error status that nobody mentions marks nobody",
            conf: TWO,
            steps: vec![Set(0, Answer(503)), Repeat(4, get("/"))],
        },
        Case {
            name: "tries and time limit how often a request is passed on",
            conf: "
                upstream be { server 10.0.0.21:80 fail_timeout=1s; server 10.0.0.22:80 fail_timeout=1s; server 10.0.0.23:80 fail_timeout=1s; }
                server {
                    listen 80;
                    location / { proxy_pass http://be; proxy_next_upstream_tries 2; }
                    location /once { proxy_pass http://be; proxy_next_upstream_tries 1; }
                    location /soon { proxy_pass http://be; proxy_next_upstream_timeout 1500ms; proxy_read_timeout 1s; }
                }
            ",
            steps: vec![
                Set(0, Refuse),
                Set(1, Refuse),
                Set(2, Refuse),
                Repeat(3, get("/")),
                Wait(UNMARKED_MS),
                Repeat(4, get("/once")),
                Set(0, Hang),
                Set(1, Hang),
                Set(2, Hang),
                Wait(UNMARKED_MS),
                Ask(get("/soon")),
            ],
        },
    ]
}

fn breaking() -> Vec<Case> {
    vec![
        Case {
            name: "an answer that breaks after its head reaches the client broken",
            conf: TWO,
            steps: vec![Set(0, Half), Repeat(4, get("/")), Set(0, HalfThenHang), Repeat(4, get("/"))],
        },
        Case {
            name: "a success clears failures even if the answer broke",
            conf: "
                upstream be { server 10.0.0.21:80 max_fails=2 fail_timeout=1s; server 10.0.0.22:80 max_fails=0; }
                server { listen 80; location / { proxy_pass http://be; } }
            ",
            steps: vec![
                Set(0, Close),
                Repeat(2, get("/")),
                Set(0, Half),
                Wait(UNMARKED_MS),
                Repeat(3, get("/")),
                Set(0, Close),
                Repeat(3, get("/")),
                Set(0, Answer(200)),
                Repeat(3, get("/")),
            ],
        },
        Case {
            name: "a client that goes away takes its request with it",
            conf: TWO,
            steps: vec![
                Set(0, Hang),
                Leave(get("/"), 300),
                Set(0, Answer(200)),
                Repeat(4, get("/")),
            ],
        },
        Case {
            name: "a request goes on without its client if nginx is told so",
            conf: "
                upstream be { server 10.0.0.21:80 fail_timeout=1s; server 10.0.0.22:80 fail_timeout=1s; }
                server {
                    listen 80;
                    location / { proxy_pass http://be; proxy_read_timeout 1s; proxy_ignore_client_abort on; }
                }
            ",
            steps: vec![Set(0, Hang), Leave(get("/"), 300), Wait(1500), Repeat(2, get("/"))],
        },
        Case {
            name: "a request that is too long is refused",
            conf: "
                client_max_body_size 1k;
                upstream be { server 10.0.0.21:80; server 10.0.0.22:80; }
                server {
                    listen 80;
                    location / { proxy_pass http://be; }
                    location /short { proxy_pass http://be; client_max_body_size 3; }
                    location /any { proxy_pass http://be; client_max_body_size 0; }
                }
            ",
            steps: vec![Ask(ask("POST", "/")), Ask(ask("POST", "/short")), Ask(ask("PUT", "/any")), Ask(get("/short"))],
        },
        Case {
            name: "connections are kept for the next requests",
            conf: "
                upstream be { server 10.0.0.21:80; server 10.0.0.22:80; server 10.0.0.23:80; keepalive 2; }
                server {
                    listen 80;
                    location / { proxy_pass http://be; proxy_http_version 1.1; proxy_set_header Connection \"\"; }
                    location /10 { proxy_pass http://be; }
                }
            ",
            steps: vec![Repeat(7, get("/")), Repeat(4, get("/10")), Repeat(3, ask("POST", "/"))],
        },
        Case {
            name: "a HEAD request and an empty answer pass through",
            conf: TWO,
            steps: vec![Ask(ask("HEAD", "/")), Ask(ask("OPTIONS", "/x?y")), Ask(ask("DELETE", "/"))],
        },
    ]
}

fn routing() -> Vec<Case> {
    vec![
        Case {
            name: "host names find their server block",
            conf: "
                server { listen 80; server_name first.example; return 200 \"first $server_name $host\"; }
                server { listen 80; server_name am.example *.am.example; return 200 \"am $server_name $host\"; }
                server { listen 80; server_name .wso2.example; return 200 \"wso2 $server_name\"; }
                server { listen 80; server_name www.*; return 200 \"www $server_name\"; }
                server { listen 80 default_server; server_name _; return 200 \"default $server_name $host\"; }
            ",
            steps: vec![
                Ask(get("/").to("first.example")),
                Ask(get("/").to("FIRST.example:8080")),
                Ask(get("/").to("am.example")),
                Ask(get("/").to("a.b.am.example")),
                Ask(get("/").to("wso2.example")),
                Ask(get("/").to("x.wso2.example")),
                Ask(get("/").to("www.org")),
                Ask(get("/").to("www.am.example")),
                Ask(get("/").to("unknown.example.")),
                Ask(get("/").to("")),
                Ask(get("/").to("a/b")),
            ],
        },
        Case {
            name: "redirects go where the guide sends them",
            conf: "
                server { listen 80; server_name am.wso2.com; rewrite ^/(.*) https://am.wso2.com/$1 permanent; }
                server { listen 80; server_name b.example; return 301 https://$server_name$request_uri; }
                server { listen 80; server_name c.example; return 302 /elsewhere; }
                server { listen 80; server_name d.example; return 308 https://$host$uri$is_args$args; }
                server { listen 80; server_name e.example; return 503; }
                server { listen 80; server_name f.example; return 404 \"no such $request_method\"; }
                server { listen 80; server_name g.example; return 444; }
            ",
            steps: vec![
                Ask(get("/").to("am.wso2.com")),
                Ask(get("/a/b?x=1&y=2").to("am.wso2.com")),
                Ask(get("/a%20b/../c").to("am.wso2.com")),
                Ask(get("/a%20b?x=1").to("b.example")),
                Ask(ask("POST", "/a").to("b.example")),
                Ask(get("/a").to("c.example")),
                Ask(get("/a?b=c").to("d.example:443")),
                Ask(get("/a").to("d.example")),
                Ask(get("/").to("e.example")),
                Ask(get("/").to("f.example")),
                Ask(get("/").to("g.example")),
            ],
        },
        Case {
            name: "the longest beginning of a path wins",
            conf: "
                server {
                    listen 80;
                    location / { return 200 root; }
                    location /api { return 200 api; }
                    location /api/ { return 200 apis; }
                    location = /api/x { return 200 exact; }
                    location /a%20b { return 200 escaped; }
                }
                server { listen 80; server_name bare.example; location /x { return 200 x; } }
            ",
            steps: vec![
                Ask(get("/")),
                Ask(get("/ap")),
                Ask(get("/api")),
                Ask(get("/apis")),
                Ask(get("/api/")),
                Ask(get("/api/x")),
                Ask(get("/api/x/")),
                Ask(get("/api//x")),
                Ask(get("/y/../api/./x")),
                Ask(get("/%61pi/x")),
                Ask(get("/../x")),
                Ask(get("/%zz")),
                Ask(get("/").to("bare.example")),
                Ask(get("/y").to("bare.example")),
                Ask(get("/x").to("bare.example")),
            ],
        },
        Case {
            name: "a server gets the path and the headers that the location says",
            conf: "
                upstream be { server 10.0.0.21:80; }
                proxy_set_header X-Outer outer;
                server {
                    listen 80;
                    location / {
                        proxy_pass http://be;
                        proxy_set_header X-Forwarded-Host $host;
                        proxy_set_header X-Forwarded-Server $host;
                        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        proxy_set_header X-Forwarded-Proto $scheme;
                        proxy_set_header X-Real-IP $remote_addr;
                        proxy_set_header X-Gone $http_nothing;
                        proxy_set_header Host $http_host;
                    }
                    location /gw/ { proxy_pass http://be/services/; }
                    location /bare { proxy_pass http://be; }
                    location = /one { proxy_pass http://be/two; }
                }
            ",
            steps: vec![
                Ask(get("/a//b%20c?x=1").to("AM.example:80")),
                Ask(get("/a").with("X-Forwarded-For: 192.0.2.7\r\nX-Gone: here\r\nAccept: x\r\nUpgrade: y\r\nTE: z\r\n")),
                Ask(ask("POST", "/post")),
                Ask(get("/gw/a%20b/../c?x=1")),
                Ask(get("/gw?x=1")),
                Ask(get("/gw/")),
                Ask(get("/bare/x")),
                Ask(get("/one?q")),
            ],
        },
    ]
}
