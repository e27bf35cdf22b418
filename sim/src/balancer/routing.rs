//! Which server block and which location a request belongs to.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::passing::Passing;
use crate::config::nginx::{self, Answer, ClientSettings, Listen, NginxConfig, ServerName};

/// A port that nginx listens on, and the server blocks behind it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) port: u16,
    pub(super) tls: bool,
    pub(super) default: usize,
    exact: BTreeMap<String, usize>,
    /// Endings with their leading dot, the longest first.
    endings: Vec<(String, usize)>,
    /// Beginnings with their closing dot, the longest first.
    beginnings: Vec<(String, usize)>,
}

/// A server block.
#[derive(Debug)]
pub(super) struct Block {
    /// `$server_name`
    pub(super) name: String,
    pub(super) answer: Option<Answer>,
    pub(super) client: ClientSettings,
    locations: Vec<Location>,
}

#[derive(Debug)]
struct Location {
    exact: bool,
    path: String,
    action: Action,
    client: ClientSettings,
}

/// What a location does.
#[derive(Debug)]
pub(super) enum Action {
    Answer(Answer),
    Pass(Passing),
    Files,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Route<'a> {
    To(&'a Action, ClientSettings),
    /// The path without the closing slash of a location that passes requests on: 301 to the one with it.
    AddSlash,
}

impl Site {
    /// One site for each port that a host of this address is reached at. A block that listens on the address
    /// itself hides those that listen on all addresses.
    pub(super) fn all(config: &NginxConfig, own: IpAddr) -> Vec<Site> {
        let mut by_port: BTreeMap<u16, Vec<(usize, Listen)>> = BTreeMap::new();
        for (block, server) in config.servers.iter().enumerate() {
            for &listen in &server.listens {
                if listen.address.is_none_or(|address| address == own || address.is_unspecified()) {
                    by_port.entry(listen.port).or_default().push((block, listen));
                }
            }
        }
        by_port.into_iter().map(|(port, listens)| Site::new(config, own, port, &listens)).collect()
    }

    fn new(config: &NginxConfig, own: IpAddr, port: u16, listens: &[(usize, Listen)]) -> Self {
        let on_own = |listen: &Listen| listen.address == Some(own);
        let hides = listens.iter().any(|(_, listen)| on_own(listen));
        let mut heard = listens.iter().filter(|(_, listen)| on_own(listen) == hides).peekable();
        let first = heard.peek().expect("a port is here because a block listens on it").0;
        let mut site = Site {
            port,
            tls: false,
            default: first,
            exact: BTreeMap::new(),
            endings: Vec::new(),
            beginnings: Vec::new(),
        };
        for (block, listen) in heard {
            // Options of one socket hold for all blocks that share it.
            site.tls |= listen.tls;
            if listen.default_server {
                site.default = *block;
            }
            for name in &config.servers[*block].names {
                site.add_name(name, *block);
            }
        }
        for list in [&mut site.endings, &mut site.beginnings] {
            list.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        }
        site
    }

    /// The first block that has a name keeps it, as nginx's "conflicting server name, ignored" says.
    fn add_name(&mut self, name: &ServerName, block: usize) {
        match name {
            ServerName::Exact(name) => {
                self.exact.entry(name.clone()).or_insert(block);
            }
            ServerName::Ending(ending) => self.endings.push((ending.clone(), block)),
            ServerName::NameAndEnding(ending) => {
                self.exact.entry(ending[1..].to_owned()).or_insert(block);
                self.endings.push((ending.clone(), block));
            }
            ServerName::Beginning(beginning) => self.beginnings.push((beginning.clone(), block)),
        }
    }

    /// The block that answers for a host name: the name itself, then the longest ending, then the longest
    /// beginning, then the default.
    pub(super) fn block(&self, host: &str) -> usize {
        let wild = |list: &[(String, usize)], fits: fn(&str, &str) -> bool| {
            list.iter().find(|(part, _)| host.len() > part.len() && fits(host, part)).map(|&(_, block)| block)
        };
        self.exact
            .get(host)
            .copied()
            .or_else(|| wild(&self.endings, |host, part| host.ends_with(part)))
            .or_else(|| wild(&self.beginnings, |host, part| host.starts_with(part)))
            .unwrap_or(self.default)
    }
}

impl Block {
    pub(super) fn new(server: &nginx::Server) -> Self {
        let name = match server.names.first() {
            None => String::new(),
            Some(ServerName::Exact(name)) => name.clone(),
            Some(ServerName::Ending(ending)) => format!("*{ending}"),
            Some(ServerName::NameAndEnding(ending)) => ending[1..].to_owned(),
            Some(ServerName::Beginning(beginning)) => format!("{beginning}*"),
        };
        let locations = server.locations.iter().map(|location| Location {
            exact: location.exact,
            path: location.path.clone(),
            client: location.client,
            action: match &location.action {
                nginx::Action::Answer(answer) => Action::Answer(answer.clone()),
                nginx::Action::Proxy(proxy) => Action::Pass(Passing::new(proxy, &location.path)),
                nginx::Action::Files => Action::Files,
            },
        });
        Self { name, answer: server.answer.clone(), client: server.client, locations: locations.collect() }
    }

    /// The location of a path: the equal one, or that with the longest beginning of it.
    pub(super) fn route(&self, path: &str) -> Route<'_> {
        let mut best: Option<&Location> = None;
        for location in &self.locations {
            if location.path == path && location.exact {
                return Route::To(&location.action, location.client);
            }
            let fits = !location.exact && path.starts_with(&location.path);
            if fits && best.is_none_or(|best| location.path.len() > best.path.len()) {
                best = Some(location);
            }
        }
        let without_slash = |location: &&Location| {
            !location.exact
                && matches!(location.action, Action::Pass(_))
                && location.path.strip_suffix('/') == Some(path)
        };
        if self.locations.iter().any(|location| without_slash(&location))
            && best.is_none_or(|best| best.path != path)
        {
            return Route::AddSlash;
        }
        match best {
            Some(best) => Route::To(&best.action, best.client),
            None => Route::To(&Action::Files, self.client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::nginx::{Server, Template};

    const OWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5));

    fn listen(address: Option<IpAddr>, default_server: bool) -> Listen {
        Listen { address, port: 80, tls: false, default_server }
    }

    fn config(blocks: Vec<(Listen, Vec<ServerName>)>) -> NginxConfig {
        let servers = blocks
            .into_iter()
            .map(|(listen, names)| Server {
                listens: vec![listen],
                names,
                answer: None,
                locations: vec![],
                client: ClientSettings::default(),
            })
            .collect();
        NginxConfig { worker_processes: 1, upstreams: vec![], servers }
    }

    fn text(text: &str) -> Answer {
        let parts = vec![nginx::Part::Text(text.to_owned())];
        Answer { status: 200, text: Some(Template { parts }), add_query: false }
    }

    #[test]
    fn a_host_name_finds_its_block() {
        let name = |name: &str| ServerName::Exact(name.to_owned());
        let everywhere = listen(None, false);
        let config = config(vec![
            (everywhere, vec![name("a.example")]),
            (everywhere, vec![ServerName::Ending(".example".to_owned())]),
            (everywhere, vec![ServerName::NameAndEnding(".b.example".to_owned())]),
            (everywhere, vec![ServerName::Beginning("www.".to_owned())]),
            (everywhere, vec![name("a.example")]),
        ]);
        let sites = Site::all(&config, OWN);
        assert_eq!(sites.len(), 1);
        for (host, block) in [
            ("a.example", 0),
            ("c.example", 1),
            ("b.example", 2),
            ("c.b.example", 2),
            ("www.org", 3),
            ("example", 0),
            ("", 0),
        ] {
            assert_eq!(sites[0].block(host), block, "{host}");
        }
    }

    #[test]
    fn the_default_is_the_marked_block_or_the_first_of_the_port() {
        let blocks = vec![(listen(None, false), vec![]), (listen(None, true), vec![])];
        assert_eq!(Site::all(&config(blocks), OWN)[0].block("x"), 1);
        let blocks = vec![(listen(None, false), vec![]), (listen(Some(OWN), false), vec![])];
        assert_eq!(Site::all(&config(blocks), OWN)[0].block("x"), 1, "its own address hides the other");
        let elsewhere = Some([127, 0, 0, 1].into());
        assert!(Site::all(&config(vec![(listen(elsewhere, false), vec![])]), OWN).is_empty());
    }

    #[test]
    fn the_longest_beginning_of_a_path_wins_unless_one_is_equal() {
        let place = |exact: bool, path: &str| nginx::Location {
            exact,
            path: path.to_owned(),
            action: nginx::Action::Answer(text(path)),
            client: ClientSettings::default(),
        };
        let server = Server {
            listens: vec![],
            names: vec![],
            answer: None,
            client: ClientSettings::default(),
            locations: vec![
                place(false, "/"),
                place(false, "/api"),
                place(true, "/api/x"),
                place(false, "/api/"),
            ],
        };
        let block = Block::new(&server);
        for (path, location) in [
            ("/", "/"),
            ("/ap", "/"),
            ("/api", "/api"),
            ("/apis", "/api"),
            ("/api/", "/api/"),
            ("/api/x", "/api/x"),
        ] {
            let Route::To(Action::Answer(answer), _) = block.route(path) else { panic!("{path}") };
            assert_eq!(*answer, text(location), "{path}");
        }
        let bare = Block::new(&Server { locations: vec![], ..server });
        assert!(matches!(bare.route("/"), Route::To(Action::Files, _)));
    }
}
