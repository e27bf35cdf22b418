//! Machines of a case: network namespaces, each with one address, joined by veth to a bridge in a namespace of
//! their own. Names carry this process's number; all are deleted in the end, also when a test fails, and what a
//! killed run left behind is deleted by the next.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cases::Who;

/// What all names of ours begin with.
const PREFIX: &str = "simnet";

/// The namespace with the bridges of all cases.
#[derive(Debug)]
pub struct Switch {
    name: String,
}

impl Switch {
    /// Makes it.
    ///
    /// # Errors
    /// Why namespaces cannot be made here.
    pub fn new() -> Result<Self, String> {
        delete_what_was_left();
        let name = format!("{PREFIX}{}", std::process::id());
        ip(&["netns", "add", &name])?;
        let switch = Self { name };
        // Everything that the cases need, tried once so that a missing part is said once.
        switch.batch("link add try0 type bridge\nlink del try0\n")?;
        run("ip", &["netns", "exec", &switch.name, "nft", "add", "table", "inet", "sim"], "")?;
        Ok(switch)
    }

    /// Makes a bridge for a case.
    pub fn bridge(&self, case: usize) -> Result<(), String> {
        self.batch(&format!("link add br{case} type bridge\nlink set br{case} up\n"))
    }

    /// A setting below `net.ipv4` as a new namespace has it; none when this kernel does not have it.
    pub fn sysctl(&self, key: &str) -> Result<Option<String>, String> {
        if !has_sysctl(key) {
            return Ok(None);
        }
        let key = format!("net.ipv4.{key}");
        run("ip", &["netns", "exec", &self.name, "sysctl", "-n", &key], "")
            .map(|said| Some(said.trim().to_owned()))
    }

    fn batch(&self, lines: &str) -> Result<(), String> {
        run("ip", &["-n", &self.name, "-batch", "-"], lines).map(drop)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.name]);
    }
}

/// A machine on a case's bridge.
#[derive(Debug)]
pub struct Machine<'a> {
    switch: &'a Switch,
    case: usize,
    who: Who,
    name: String,
}

impl<'a> Machine<'a> {
    /// Boots it: a new namespace is a new kernel as far as connections go.
    pub fn boot(
        switch: &'a Switch,
        case: usize,
        who: Who,
        sysctls: &[(&str, u64)],
        knows_neighbour: bool,
    ) -> Result<Self, String> {
        let name = format!("{}-{case}{}", switch.name, who.letter());
        ip(&["netns", "add", &name])?;
        let machine = Self { switch, case, who, name };
        let (own, other) = (who, who.other());
        switch.batch(&format!(
            "link add {port} type veth peer name e0 address {mac} netns {name}\n\
             link set {port} master br{case}\nlink set {port} up\n",
            port = machine.port(),
            mac = own.mac(),
            name = machine.name,
        ))?;
        // A neighbour that is known for good never fails to be resolved: as behind a router, silence is silence.
        let neighbour = if knows_neighbour {
            format!("neigh replace {} lladdr {} dev e0 nud permanent\n", other.address(), other.mac())
        } else {
            String::new()
        };
        let lines =
            format!("addr add {}/24 dev e0\nlink set lo up\nlink set e0 up\n{neighbour}", own.address());
        run("ip", &["-n", &machine.name, "-batch", "-"], &lines)?;
        machine.set(sysctls)?;
        let table = "table inet sim {\n chain cut {\n type filter hook prerouting priority -300\n }\n\
                     chain firewall {\n type filter hook input priority 0\n }\n}\n";
        machine.exec(&["nft", "-f", "-"], table)?;
        Ok(machine)
    }

    fn set(&self, sysctls: &[(&str, u64)]) -> Result<(), String> {
        const LINEAR: &str = "tcp_syn_linear_timeouts";
        let mut settings: Vec<String> =
            sysctls.iter().map(|(key, value)| format!("net.ipv4.{key}={value}")).collect();
        if !sysctls.iter().any(|(key, _)| *key == LINEAR) && has_sysctl(LINEAR) {
            settings.push(format!("net.ipv4.{LINEAR}=0"));
        }
        if settings.is_empty() {
            return Ok(());
        }
        let words = ["sysctl", "-qw"].into_iter().chain(settings.iter().map(String::as_str));
        self.exec(&words.collect::<Vec<_>>(), "")
    }

    /// Loses, or loses no more, what arrives.
    pub fn set_cut(&self, cut: bool) -> Result<(), String> {
        if cut {
            self.exec(&["nft", "add", "rule", "inet", "sim", "cut", "iifname", "e0", "drop"], "")
        } else {
            self.exec(&["nft", "flush", "chain", "inet", "sim", "cut"], "")
        }
    }

    /// Loses one packet that arrives with data: so many of them pass before it.
    pub fn lose(&self, after: u64) -> Result<(), String> {
        // 200 bytes are more than headers take.
        let rule = format!(
            "add rule inet sim cut iifname e0 ip length > 200 numgen inc mod 1000000 == {after} drop\n"
        );
        self.exec(&["nft", "-f", "-"], &rule)
    }

    /// Puts a rule for a port into its firewall, with nft's words for what is done.
    pub fn block(&self, port: u16, statement: &str) -> Result<(), String> {
        let rule = format!("add rule inet sim firewall tcp dport {port} {statement}\n");
        self.exec(&["nft", "-f", "-"], &rule)
    }

    /// Takes all rules out of its firewall.
    pub fn unblock(&self) -> Result<(), String> {
        self.exec(&["nft", "flush", "chain", "inet", "sim", "firewall"], "")
    }

    /// Destroys all its connections.
    pub fn abort_connections(&self) -> Result<(), String> {
        self.exec(&["ss", "-K", "-t", "state", "established"], "")
    }

    /// Takes its cable out: from now on it says nothing.
    pub fn unplug(&self) -> Result<(), String> {
        self.switch.batch(&format!("link set {} down\n", self.port()))
    }

    /// A command that runs on it.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    fn exec(&self, arguments: &[&str], input: &str) -> Result<(), String> {
        let mut all = vec!["netns", "exec", &self.name];
        all.extend(arguments);
        run("ip", &all, input).map(drop)
    }

    fn port(&self) -> String {
        format!("p{}{}", self.case, self.who.letter())
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        let _ = self.switch.batch(&format!("link del {}\n", self.port()));
        let _ = ip(&["netns", "del", &self.name]);
    }
}

/// Whether this kernel has a setting.
pub fn has_sysctl(key: &str) -> bool {
    Path::new("/proc/sys/net/ipv4").join(key).exists()
}

/// Deletes the namespaces of runs that are no more.
fn delete_what_was_left() {
    let Ok(entries) = fs::read_dir("/var/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let pid = rest.split('-').next().unwrap_or_default();
        if pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists() {
            let _ = ip(&["netns", "del", &name]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    run("ip", arguments, "").map(drop)
}

/// Runs a command with this standard input. Gives what it writes.
///
/// # Errors
/// What it says when it fails.
pub fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let line = || format!("{program} {}", arguments.join(" "));
    let child = Command::new(program)
        .args(arguments)
        .env("PATH", path_with_sbin())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("{}: {error}", line()))?;
    let mut stdin = child.stdin.take().expect("it is piped");
    // One that does not read its input may be gone by now.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(|error| format!("{}: {error}", line()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{}: {}", line(), String::from_utf8_lossy(&output.stderr).trim()))
}

/// The path, and where `ip` and `nft` are.
#[expect(clippy::disallowed_methods, reason = "where to find a peer; it changes no run")]
pub fn path_with_sbin() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}
