//! What `sim rsync` takes besides rsync's own options.

use crate::rsync::env::Signal;
use crate::rsync::local::Interruption;

/// The model's own options.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub interruption: Option<Interruption>,
    pub source_io_errors: Vec<Vec<u8>>,
}

impl Own {
    /// Takes them out of the arguments.
    ///
    /// # Errors
    /// What is wrong with one.
    pub fn take(args: &[Vec<u8>]) -> Result<(Own, Vec<Vec<u8>>), String> {
        let mut own = Own::default();
        let mut rest = Vec::new();
        let (mut after_files, mut after_bytes, mut signal) = (None, None, Signal::Kill);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == b"--" {
                rest.push(arg.clone());
                rest.extend(args.by_ref().cloned());
                break;
            }
            let (name, value) = match arg.iter().position(|&byte| byte == b'=') {
                Some(at) => (&arg[..at], Some(arg[at + 1..].to_vec())),
                None => (&arg[..], None),
            };
            let known: [&[u8]; 4] =
                [b"--kill-after-file", b"--kill-after-bytes", b"--kill-signal", b"--source-io-error"];
            if !known.contains(&name) {
                rest.push(arg.clone());
                continue;
            }
            let shown = String::from_utf8_lossy(name).into_owned();
            let value = value.or_else(|| args.next().cloned()).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| format!("{shown} needs a value"))?;
            let number = || {
                let text = String::from_utf8_lossy(&value).into_owned();
                text.parse::<u64>().map_err(|_| format!("{shown}={text}: a whole number is needed"))
            };
            match name {
                b"--kill-after-file" => after_files = Some(number()?),
                b"--kill-after-bytes" => after_bytes = Some(number()?),
                b"--kill-signal" => {
                    signal = match value.strip_prefix(b"SIG").unwrap_or(&value) {
                        b"TERM" | b"INT" | b"HUP" => Signal::Term,
                        b"KILL" => Signal::Kill,
                        other => {
                            return Err(format!(
                                "--kill-signal={}: TERM or KILL",
                                String::from_utf8_lossy(other)
                            ));
                        }
                    };
                }
                _ => own.source_io_errors.push(value),
            }
        }
        if after_files.is_some() || after_bytes.is_some() {
            own.interruption = Some(Interruption { signal, after_files, after_bytes });
        }
        Ok((own, rest))
    }
}
