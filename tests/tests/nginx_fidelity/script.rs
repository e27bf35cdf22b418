//! What a case is made of, and what both worlds make of bytes in the same way.

/// One case: a configuration, and what happens to nginx that runs with it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it claims.
    pub name: &'static str,
    /// What stands inside `http { }`. nginx listens on port 80; the servers are `10.0.0.21:80` and on.
    pub conf: &'static str,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One step of a case.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// A request, whose end is waited for.
    Ask(Ask),
    /// A request that goes on beside the next steps; its end is noted last.
    Begin(Ask),
    /// A request whose client goes away after so many milliseconds.
    Leave(Ask, u64),
    /// Several requests of one kind.
    Repeat(u32, Ask),
    /// A server changes its ways, counted from 0.
    Set(usize, Mode),
    /// Milliseconds pass.
    Wait(u64),
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Its method; POST, PUT and PATCH carry a body.
    pub method: &'static str,
    /// Its target.
    pub target: &'static str,
    /// Its `Host` header; empty for none.
    pub host: &'static str,
    /// More headers, each with its line end.
    pub headers: &'static str,
}

/// What a server does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Answers with this status, and says what it got.
    Answer(u16),
    /// Its machine has lost power, for good.
    Silent,
    /// Does not listen.
    Refuse,
    /// Closes it with the request unread.
    Close,
    /// Reads the request and closes it.
    CloseAfterRead,
    /// Reads and says nothing.
    Hang,
    /// Sends half an answer and closes it.
    Half,
    /// Sends half an answer and then nothing.
    HalfThenHang,
}

/// How many servers there are.
pub const SERVERS: usize = 3;
/// The client's address, in the model and as nginx is told.
pub const CLIENT: &str = "10.0.0.9";

/// A GET of `target`.
pub const fn get(target: &'static str) -> Ask {
    Ask { method: "GET", target, host: "am.example", headers: "" }
}

/// A request with another method.
pub const fn ask(method: &'static str, target: &'static str) -> Ask {
    Ask { method, target, host: "am.example", headers: "" }
}

impl Ask {
    /// The same request for another host.
    pub const fn to(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    /// The same request with more headers.
    pub const fn with(self, headers: &'static str) -> Self {
        Self { headers, ..self }
    }

    /// What the client sends. `id` names the request in nginx's log.
    pub fn bytes(&self, id: usize) -> Vec<u8> {
        let host = if self.host.is_empty() { String::new() } else { format!("Host: {}\r\n", self.host) };
        let body = if matches!(self.method, "POST" | "PUT" | "PATCH") { "data" } else { "" };
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        format!(
            "{} {} HTTP/1.1\r\n{host}X-Id: {id}\r\nX-Real-Client: {CLIENT}\r\n{}{length}Connection: close\r\n\r\n{body}",
            self.method, self.target, self.headers
        )
        .into_bytes()
    }
}

impl Case {
    /// Whether a server falls silent in it.
    pub fn needs_silence(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Set(_, Mode::Silent)))
    }

    /// Its steps with the repeated ones written out.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for &step in &self.steps {
            match step {
                Step::Repeat(times, ask) => steps.extend((0..times).map(|_| Step::Ask(ask))),
                other => steps.push(other),
            }
        }
        steps
    }
}

/// The name of a server.
pub fn name_of(server: usize) -> String {
    format!("w{}", server + 1)
}

/// What a server answers to a request that it got, and whether it then reads another one.
pub fn reply(server: usize, status: u16, head: &str) -> (Vec<u8>, bool) {
    let mut lines = head.lines();
    let line = lines.next().unwrap_or("");
    let mut told = vec![name_of(server), line.to_owned()];
    let mut keeps = line.ends_with("HTTP/1.1");
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let name = name.to_ascii_lowercase();
        let value = value.trim();
        if name == "connection" && value == "close" {
            keeps = false;
        }
        if !matches!(name.as_str(), "x-id" | "x-real-client") {
            told.push(format!("{name}={value}"));
        }
    }
    told[2..].sort();
    let body = told.join(" ");
    let connection = if keeps { "keep-alive" } else { "close" };
    let answer = format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
        body.len()
    );
    (answer.into_bytes(), keeps)
}

/// Half an answer.
pub const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf";

/// Whether a request is all there.
pub fn is_whole_request(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    body.len() >= length_of(head).unwrap_or(0)
}

fn length_of(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}

/// What a client that got these bytes saw.
pub fn outcome(ask: &Ask, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return if bytes.is_empty() { "nothing".to_owned() } else { format!("no head: {text}") };
    };
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let location = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location").then(|| format!(" -> {}", value.trim()))
    });
    let location = location.unwrap_or_default();
    let is_whole = ask.method == "HEAD" || length_of(head).is_none_or(|length| body.len() == length);
    let body = if !is_whole {
        " broken".to_owned()
    } else if body.starts_with("<html>") || body.is_empty() {
        String::new()
    } else {
        format!(" {body}")
    };
    format!("{status}{location}{body}")
}

/// A line of what is compared.
pub fn line(id: usize, ask: &Ask, outcome: &str, tried: &[String]) -> String {
    let tried = if tried.is_empty() { "nobody".to_owned() } else { tried.join(", ") };
    format!("{id} {} {} {}: {outcome} [{tried}]", ask.method, ask.host, ask.target)
}
