//! The remote shell of rsync's `-e`: ssh, and those of its options that change when a connection fails.
//!
//! What only says who logs in, and how, is read over: every login of the model succeeds. What would change a
//! run and is not modelled is refused by name.

use std::time::Duration;

use harness::finding::did_you_mean;

/// What ssh was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SshCommand {
    /// `-o ConnectTimeout`: how long the connection and the handshake may take; the kernel's patience without it.
    pub connect_timeout: Option<Duration>,
}

/// What is wrong with the text of `-e`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SshCommandError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// Options of one letter that take a value; any other letter takes none.
const WITH_VALUE: &str = "BbcDEeFIiJLlmOopQRSWw";
/// Options of one letter that would change a run.
const NOT_MODELLED: &str = "FfGJMNOSWw";

/// Options of `-o` that say who logs in and how, or what is printed.
const READ_OVER: [&str; 24] = [
    "AddressFamily",
    "BatchMode",
    "CheckHostIP",
    "Ciphers",
    "Compression",
    "EscapeChar",
    "ForwardAgent",
    "ForwardX11",
    "GSSAPIAuthentication",
    "GlobalKnownHostsFile",
    "HostKeyAlgorithms",
    "IdentitiesOnly",
    "IdentityFile",
    "KexAlgorithms",
    "LogLevel",
    "MACs",
    "PasswordAuthentication",
    "PreferredAuthentications",
    "PubkeyAuthentication",
    "RequestTTY",
    "StrictHostKeyChecking",
    "UpdateHostKeys",
    "User",
    "UserKnownHostsFile",
];
/// Options of `-o` that would change a run.
const WOULD_CHANGE: [&str; 11] = [
    "ConnectionAttempts",
    "ControlMaster",
    "ControlPath",
    "ControlPersist",
    "HostName",
    "Port",
    "ProxyCommand",
    "ProxyJump",
    "ServerAliveCountMax",
    "ServerAliveInterval",
    "TCPKeepAlive",
];
const CONNECT_TIMEOUT: &str = "ConnectTimeout";

/// Reads the text of `-e`; none is `ssh` alone.
///
/// # Errors
/// Another program, an option that ssh does not know, one that is not modelled, a value that is none.
pub fn read(text: &[u8]) -> Result<SshCommand, SshCommandError> {
    let text = String::from_utf8_lossy(text);
    let Some(words) = shlex::split(&text) else {
        return Err(wrong(format!("a quote of `{text}` has no end"), "close it"));
    };
    let mut words = words.into_iter();
    let program = words.next().unwrap_or_default();
    if program.rsplit('/').next() != Some("ssh") {
        return Err(wrong(format!("the remote shell `{program}` is not modelled"), "write `ssh`"));
    }
    let mut command = SshCommand::default();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            let message = format!("`{word}` is no option: ssh would take it for the host");
            return Err(wrong(message, "remove it: rsync adds the host itself"));
        };
        for (at, letter) in letters.char_indices() {
            if !WITH_VALUE.contains(letter) {
                if NOT_MODELLED.contains(letter) {
                    return Err(not_modelled(&format!("-{letter}")));
                }
                continue;
            }
            let rest = &letters[at + letter.len_utf8()..];
            let value = if rest.is_empty() { words.next() } else { Some(rest.to_owned()) };
            let Some(value) = value else {
                return Err(wrong(
                    format!("ssh's option -{letter} has no value"),
                    "write it behind the option",
                ));
            };
            match letter {
                'o' => command.set(&value)?,
                'p' if value != "22" => return Err(not_modelled("-p with another port than 22")),
                _ if NOT_MODELLED.contains(letter) => return Err(not_modelled(&format!("-{letter}"))),
                _ => {}
            }
            break;
        }
    }
    Ok(command)
}

impl SshCommand {
    /// One `-o`: a name and a value, with `=` or a space between.
    fn set(&mut self, option: &str) -> Result<(), SshCommandError> {
        let (name, value) = option.split_once(['=', ' ']).unwrap_or((option, ""));
        let value = value.trim_start_matches(['=', ' ']).trim();
        let is = |known: &&&str| known.eq_ignore_ascii_case(name);
        if name.eq_ignore_ascii_case(CONNECT_TIMEOUT) {
            let seconds: Option<u32> = value.parse().ok();
            let seconds = seconds.filter(|&seconds| seconds > 0 || value == "0").ok_or_else(|| {
                wrong(format!("`{value}` is no number of seconds"), "write `-o ConnectTimeout=10`")
            })?;
            // The first value that ssh is given for an option holds; 0 is none.
            if self.connect_timeout.is_none() && seconds > 0 {
                self.connect_timeout = Some(Duration::from_secs(u64::from(seconds)));
            }
            return Ok(());
        }
        if let Some(known) = WOULD_CHANGE.iter().find(is) {
            return Err(not_modelled(known));
        }
        if READ_OVER.iter().any(|known| is(&known)) {
            return Ok(());
        }
        let known: Vec<&str> =
            READ_OVER.iter().chain(&WOULD_CHANGE).copied().chain([CONNECT_TIMEOUT]).collect();
        Err(wrong(format!("ssh's option `{name}` is not known to the model"), did_you_mean(name, &known)))
    }
}

fn not_modelled(option: &str) -> SshCommandError {
    wrong(format!("ssh's option {option} is not modelled"), "remove it if the question does not depend on it")
}

fn wrong(message: impl Into<String>, help: impl Into<String>) -> SshCommandError {
    SshCommandError { message: message.into(), help: help.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_command_leaves_the_connection_to_the_kernel() {
        let documented = b"ssh -i /home/wso2/.ssh/depsync -o StrictHostKeyChecking=no";
        assert_eq!(read(documented), Ok(SshCommand::default()));
        assert_eq!(read(b"/usr/bin/ssh -vTi key -p 22 -oBatchMode=yes"), Ok(SshCommand::default()));
    }

    #[test]
    fn the_first_connect_timeout_holds_however_it_is_written() {
        let ten = Ok(SshCommand { connect_timeout: Some(Duration::from_secs(10)) });
        for text in [
            "ssh -o ConnectTimeout=10",
            "ssh -oconnecttimeout=10 -o ConnectTimeout=99",
            "ssh -o 'ConnectTimeout 10'",
            "ssh -To \"ConnectTimeout = 10\"",
        ] {
            assert_eq!(read(text.as_bytes()), ten, "{text}");
        }
        assert_eq!(read(b"ssh -o ConnectTimeout=0"), Ok(SshCommand::default()));
    }

    #[test]
    fn what_would_change_a_run_or_is_no_option_is_refused_by_name() {
        for (text, part) in [
            ("rsh", "`rsh`"),
            ("", "remote shell"),
            ("ssh -o ServerAliveInterval=5", "ServerAliveInterval"),
            ("ssh -p 2222", "-p"),
            ("ssh -J jump", "-J"),
            ("ssh -o ConnectTimeot=5", "ConnectTimeot"),
            ("ssh -o ConnectTimeout=soon", "`soon`"),
            ("ssh -i", "-i"),
            ("ssh worker1", "`worker1`"),
            ("ssh 'x", "quote"),
        ] {
            let error = read(text.as_bytes()).expect_err(text);
            assert!(error.message.contains(part) && !error.help.is_empty(), "{text}: {error:?}");
        }
        assert_eq!(read(b"ssh -o ConnectTimeot=5").unwrap_err().help, "write `ConnectTimeout`");
    }
}
