//! A network namespace of the test's own, in which packets to a server can be made to vanish.

use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};

/// The first argument of this program when it runs inside.
pub const ARGUMENT: &str = "--inside-a-namespace";

/// Runs this program again in a namespace; nothing when none can be made.
pub fn run_inside() -> Option<ExitCode> {
    let unshare = ["--user", "--map-root-user", "--net"];
    let probe = "ip link set lo up && nft add table ip probe";
    let can = Command::new("unshare")
        .args(unshare)
        .args(["sh", "-c", probe])
        .stderr(Stdio::null())
        .status()
        .ok()?;
    if !can.success() {
        return None;
    }
    let inside = "ip link set lo up && nft add table ip silence \
        && nft add chain ip silence in '{ type filter hook input priority 0; }' && exec \"$@\"";
    let status = Command::new("unshare")
        .args(unshare)
        .args(["sh", "-c", inside, "sh"])
        .arg(std::env::current_exe().ok()?)
        .arg(ARGUMENT)
        .args(std::env::args().skip(1))
        .status()
        .ok()?;
    Some(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// From now on, what is sent to or by this server vanishes.
pub fn silence(server: SocketAddr) -> std::io::Result<()> {
    for (address, port) in [("daddr", "dport"), ("saddr", "sport")] {
        let rule =
            format!("add rule ip silence in ip {address} {} tcp {port} {} drop", server.ip(), server.port());
        let status = Command::new("nft").arg(rule).status()?;
        if !status.success() {
            return Err(std::io::Error::other("nft does not take the rule"));
        }
    }
    Ok(())
}
