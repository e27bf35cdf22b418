//! What a command line asks for: from where to where, and what the server is told of it.

mod place;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::env::Env;
use super::filter::{Reading, Rule, RuleError, RuleList, Side, open};
use super::options::{CheckRules, Options, Refusal, USAGE, parse};
use super::outcome::SYNTAX;
use super::paths::absolute;
use crate::disk::errno;

pub use place::RemoteHost;

use place::{one_machine, place};

/// Which way the content goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    /// Both ends are here.
    Local,
    /// To another host.
    Push(RemoteHost),
    /// From another host.
    Pull(RemoteHost),
}

/// One run of rsync, as its command line asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The options.
    pub options: Options,
    /// Which way, and which host.
    pub direction: Direction,
    /// The sources, without their hosts.
    pub sources: Vec<Vec<u8>>,
    /// The destination, without its host.
    pub destination: Vec<u8>,
}

/// What the client tells the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The server is the sender.
    pub sends: bool,
    /// Both ends are on one host.
    pub local: bool,
    /// The options, as [`Options::encode`] makes them.
    pub options: String,
    /// All filter rules, files read.
    pub rules: Vec<Rule>,
    /// Names of `--files-from`.
    pub names: Option<Vec<Vec<u8>>>,
    /// The sources, or the destination alone.
    pub paths: Vec<Vec<u8>>,
}

impl Setup {
    /// Forgets the rules that are not sent to a server on another host: a receiver gets none but where it deletes, and
    /// each side only those that hold for it. Nothing that comes over a connection counts as read from a file.
    pub(super) fn keep_what_is_sent(&mut self, options: &Options) {
        if self.local {
            return;
        }
        let side = if self.sends { Side::Sender } else { Side::Receiver };
        if side == Side::Receiver && !options.deletes() && !options.prune_empty_dirs {
            let mut list = RuleList::default();
            if let Some(source) = options.partial_rule() {
                let _ = source.add_to(&mut list, &Reading::of_nothing());
            }
            self.rules = list.0;
        }
        self.rules.retain(|rule| rule.holds(side, options.delete_excluded));
        self.rules.iter_mut().for_each(Rule::hide_origin);
    }
}

impl Job {
    /// Reads a command line, without the name of the program.
    ///
    /// # Errors
    /// What rsync would say, or which option is not modelled.
    pub fn parse(args: &[Vec<u8>]) -> Result<Job, Refusal> {
        Self::parse_with(args, |_| Ok(Bytes::new()))
    }

    /// As [`Job::parse`]; files of rules are looked at where rsync looks at them, among the options: `read` gives
    /// their content.
    ///
    /// # Errors
    /// As [`Job::parse`], and what is wrong with those files.
    pub fn parse_with(
        args: &[Vec<u8>],
        read: impl Fn(&[u8]) -> std::io::Result<Bytes>,
    ) -> Result<Job, Refusal> {
        Self::read(args, &|source, nul| {
            let reading = Reading { open: &read, say: &|_| {}, role: "client", nul, delete_excluded: false };
            source.add_to(&mut RuleList::default(), &reading).map_err(refused)
        })
    }

    fn read(args: &[Vec<u8>], check: &CheckRules<'_>) -> Result<Job, Refusal> {
        let parsed = parse(args, check)?;
        let mut paths = parsed.paths;
        let Some(destination) = paths.pop() else {
            // With options it has chosen its side by then.
            let place =
                if args.is_empty() { "main.c(1871) [client=3.5.0]" } else { "main.c(1941) [Receiver=3.5.0]" };
            return Err(usage_error(place));
        };
        if paths.is_empty() {
            return Err(Refusal::NotModelled { option: "(a listing: no destination given)".to_owned() });
        }
        if parsed.options.files_from.is_some() && paths.len() > 1 {
            return Err(usage_error("options.c(2621) [client=3.5.0]"));
        }
        let sources = paths.iter().map(|path| place(path)).collect::<Result<Vec<_>, _>>()?;
        let (to, destination) = place(&destination)?;
        let from = sources[0].0.clone();
        if to.is_none() {
            one_machine(&paths, &sources)?;
        }
        let direction = match (from, to) {
            (None, None) => Direction::Local,
            (None, Some(host)) => Direction::Push(host),
            (Some(host), None) => Direction::Pull(host),
            (Some(_), Some(_)) => {
                let line = "The source and destination cannot both be remote.";
                return Err(Refusal::at(line, SYNTAX, "main.c(1471) [Receiver=3.5.0]"));
            }
        };
        if parsed.contimeout {
            let line = "The --contimeout option may only be used when connecting to an rsync daemon.";
            let role = if matches!(direction, Direction::Pull(_)) { "Receiver" } else { "sender" };
            return Err(Refusal::at(line, SYNTAX, &format!("main.c(1608) [{role}=3.5.0]")));
        }
        let sources: Vec<_> = sources.into_iter().map(|(_, path)| path).collect();
        if sources.iter().any(Vec::is_empty) && direction == Direction::Local {
            return Err(Refusal::at("Empty source arg specified.", SYNTAX, "main.c(1551) [sender=3.5.0]"));
        }
        if destination.is_empty() && direction == Direction::Local {
            let line = "Empty destination arg specified (use \".\" or see --old-args).";
            return Err(Refusal::at(line, SYNTAX, "main.c(685) [sender=3.5.0]"));
        }
        Ok(Job { options: parsed.options, direction, sources, destination })
    }

    /// A path of the other host as it arrives there.
    pub(super) fn as_it_arrives(&self, path: &[u8]) -> Vec<u8> {
        let mut path = path.to_vec();
        if self.direction != Direction::Local {
            through_shell(&mut path);
        }
        path
    }

    /// Whether the client is the sender.
    pub fn client_sends(&self) -> bool {
        !matches!(self.direction, Direction::Pull(_))
    }

    /// Reads the files that the command line names, on the client's disk. `say` hears what rsync warns of.
    pub(super) fn setup(&self, env: &impl Env, say: &dyn Fn(Vec<u8>)) -> Result<Setup, Refusal> {
        let rules = self.rules(env, say).map_err(refused)?;
        let files_from = self.options.files_from.as_ref();
        let names = files_from.map(|path| self.names_of_file(env, path, say)).transpose()?;
        let mut options = self.options.clone();
        let is_remote = self.direction != Direction::Local;
        if is_remote {
            options.for_each_path(through_shell);
        }
        (options.rules, options.files_from, options.shell) = (Vec::new(), None, None);
        let sends = !self.client_sends();
        Ok(Setup {
            sends,
            local: self.direction == Direction::Local,
            options: String::from_utf8(options.encode()).expect("JSON is UTF-8"),
            rules,
            names,
            paths: {
                let paths = if sends { &self.sources[..] } else { std::slice::from_ref(&self.destination) };
                paths.iter().map(|path| self.as_it_arrives(path)).collect()
            },
        })
    }

    /// All rules, files read; CVS's come last.
    fn rules(&self, env: &impl Env, say: &dyn Fn(Vec<u8>)) -> Result<Vec<Rule>, RuleError> {
        let open = |path: &[u8]| env.read_disk(|disk| open(disk, &absolute(env.working_folder(), path), say));
        let Options { from0: nul, delete_excluded, .. } = self.options;
        let reading = Reading { open: &open, say, role: "client", nul, delete_excluded };
        let mut list = RuleList::default();
        for source in self.options.rules.iter().chain(&self.options.backup_rule()) {
            source.add_to(&mut list, &reading)?;
        }
        if self.options.cvs_exclude {
            list.add_rule(b":C", &reading)?;
            list.add_rule(b"-C", &reading)?;
            // A client that receives adds it too late to have `--delete-excluded` take it away.
            if !self.client_sends() {
                list.0.last_mut().expect("it has been added").holds_on_both_sides();
            }
        }
        Ok(list.0)
    }

    fn names_of_file(
        &self,
        env: &impl Env,
        path: &[u8],
        say: &dyn Fn(Vec<u8>),
    ) -> Result<Vec<Vec<u8>>, Refusal> {
        let shown = String::from_utf8_lossy(path);
        if path == b"-" || path.contains(&b':') {
            return Err(Refusal::NotModelled { option: format!("--files-from={shown}") });
        }
        let content = env.read_disk(|disk| open(disk, &absolute(env.working_folder(), path), say)).map_err(
            |error| {
                let reason = errno::message(errno::number(&error));
                let line = format!("rsync: failed to open files-from file {shown}: {reason}");
                Refusal::at(line, SYNTAX, "main.c(1886) [client=3.5.0]")
            },
        )?;
        let nul = self.options.from0;
        let lines = content.split(|&byte| if nul { byte == 0 } else { matches!(byte, b'\n' | b'\r') });
        // To a sender on another host the lines go as they are, comments and all.
        let has_comments = !nul && self.client_sends();
        let names = lines.filter(|line| !(line.is_empty() || has_comments && matches!(line[0], b'#' | b';')));
        Ok(names.map(<[u8]>::to_vec).collect())
    }
}

/// What the remote shell leaves of a path: rsync puts a backslash before a line break, which the shell takes for a
/// line that goes on.
fn through_shell(path: &mut Vec<u8>) {
    path.retain(|&byte| byte != b'\n');
}

/// What rsync says where it prints its usage as an error.
fn usage_error(place: &str) -> Refusal {
    let mut refusal = Refusal::at(USAGE[0], SYNTAX, place);
    if let Refusal::Rsync { lines, .. } = &mut refusal {
        lines.splice(1..1, USAGE[1..].iter().map(|&line| line.to_owned()));
    }
    refusal
}

fn refused(error: RuleError) -> Refusal {
    match error {
        RuleError::Wrong { line, code, place } => {
            Refusal::at(String::from_utf8_lossy(&line), code, &format!("{place} [client=3.5.0]"))
        }
        RuleError::NotModelled(what) => Refusal::NotModelled { option: format!("--filter ({what})") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(line: &[&str]) -> Result<Job, Refusal> {
        Job::parse(&line.iter().map(|arg| arg.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn a_host_stands_before_a_colon_that_no_slash_precedes() {
        let pushed = job(&["-a", "/srv/", "carbon@w1.example:/srv/x:y"]).unwrap();
        let host = RemoteHost { user: Some(b"carbon".to_vec()), host: b"w1.example".to_vec() };
        assert_eq!((pushed.direction, pushed.destination), (Direction::Push(host), b"/srv/x:y".to_vec()));
        assert!(matches!(job(&["m:/a/", "/b"]).unwrap().direction, Direction::Pull(_)));
        assert_eq!(job(&["./s:x", "d"]).unwrap().direction, Direction::Local);
    }

    #[test]
    fn two_remote_ends_and_daemons_are_refused() {
        assert!(matches!(job(&["a:b", "c:d"]), Err(Refusal::Rsync { code: 1, .. })));
        assert!(matches!(job(&["a", "h::m"]), Err(Refusal::NotModelled { .. })));
        assert!(matches!(job(&["rsync://h/m", "d"]), Err(Refusal::NotModelled { .. })));
        assert!(matches!(job(&["", "d"]), Err(Refusal::Rsync { code: 1, .. })));
    }
}
