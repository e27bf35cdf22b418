//! The command that starts a gateway: the script and its `-D` flags.

use harness::finding::{Finding, Findings, Source, did_you_mean, nearest};

use super::gateway::{Profile, StartCommand};
use super::shell_words::{self, ShellWord, Token};

const SCRIPTS: [&str; 2] = ["api-manager.sh", "wso2server.sh"];
const SHELLS: [&str; 4] = ["sh", "bash", "/bin/sh", "/bin/bash"];
/// Words of the scripts themselves; those that do not start a server are left out on purpose.
const ACTIONS: [&str; 8] = ["start", "--start", "run", "--run", "restart", "--restart", "-start", "-restart"];
const PROFILES: [(&str, Profile); 6] = [
    ("gateway-worker", Profile::GatewayWorker),
    ("api-key-manager", Profile::KeyManager),
    ("api-publisher", Profile::Publisher),
    ("api-devportal", Profile::DeveloperPortal),
    ("api-store", Profile::DeveloperPortal),
    ("traffic-manager", Profile::TrafficManager),
];
const FLAGS: [&str; 3] = ["profile", "workerNode", "portOffset"];

/// Reads a start command, with findings of its own: one command, which may be preceded by comments and spread over lines.
pub(super) fn read(source: &Source, findings: &mut Findings) -> Option<StartCommand> {
    let tokens = match shell_words::split(&source.text) {
        Ok(tokens) => tokens,
        Err(error) => {
            findings.push(Finding::error(source, error.span, error.message));
            return None;
        }
    };
    let words = one_command(source, tokens, findings)?;
    let mut texts = words.iter().filter_map(|word| match word.literal() {
        Some(text) => Some((word, text)),
        None => {
            let message = "a variable whose value the file does not say";
            findings.push(Finding::error(source, word.span.clone(), message).help("write its value"));
            None
        }
    });
    let is_prefix = |text: &str| SHELLS.contains(&text) || ["nohup", "exec"].contains(&text);
    let Some((script_word, script)) = texts.by_ref().find(|(_, text)| !is_prefix(text)) else {
        findings.push(no_script(source));
        return None;
    };
    let arguments: Vec<_> = texts.collect();
    let name = script.rsplit('/').next().unwrap_or_default();
    if !SCRIPTS.contains(&name) {
        let message = format!("`{script}` is no script that starts a gateway");
        let help = did_you_mean(name, &SCRIPTS);
        findings.push(Finding::error(source, script_word.span.clone(), message).help(help));
    }
    let mut command = StartCommand { script, profile: None, worker_node: false, port_offset: None };
    let mut seen = Vec::new();
    for (word, argument) in &arguments {
        read_argument(source, word, argument, &mut seen, &mut command, findings);
    }
    // What a wrong flag would have meant is anybody's guess.
    (!findings.has_errors()).then_some(command)
}

fn no_script(source: &Source) -> Finding {
    Finding::error(source, 0..0, "no command that starts a gateway")
        .help("such as `sh /opt/wso2am/bin/api-manager.sh -Dprofile=gateway-worker`")
}

/// The words of the only command; what follows it, and where its output goes, is reported or passed over.
fn one_command(source: &Source, tokens: Vec<Token>, findings: &mut Findings) -> Option<Vec<ShellWord>> {
    let mut words: Vec<ShellWord> = Vec::new();
    let mut ended = false;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Operator("\n" | ";", _) if words.is_empty() => {}
            Token::Operator("\n" | ";" | "&", _) => ended = true,
            Token::Operator(">" | ">>", _) => {
                // `2>&1` and `> file`: where the output goes does not matter to the model.
                if words.last().and_then(ShellWord::literal).is_some_and(|word| word == "2" || word == "1") {
                    words.pop();
                }
                tokens.next_if(|token| matches!(token, Token::Operator("&", _)));
                tokens.next_if(|token| matches!(token, Token::Word(_)));
            }
            Token::Operator(operator, span) => {
                let message = format!("`{operator}` is not modelled in a start command");
                findings.push(
                    Finding::error(source, span, message).help("write the command of the server alone"),
                );
                return None;
            }
            Token::Word(word) if ended => {
                let message = "a second command; a node is started by one";
                findings.push(Finding::error(source, word.span, message));
                return None;
            }
            Token::Word(word) => words.push(word),
        }
    }
    if words.is_empty() {
        findings.push(no_script(source));
        return None;
    }
    Some(words)
}

fn read_argument(
    source: &Source,
    word: &ShellWord,
    argument: &str,
    seen: &mut Vec<&'static str>,
    command: &mut StartCommand,
    findings: &mut Findings,
) {
    let span = word.span.clone();
    let Some(flag) = argument.strip_prefix("-D") else {
        if !ACTIONS.contains(&argument) {
            let message = format!("`{argument}` is not modelled");
            let help = "a start command takes `-Dname=value` flags, and `start`, `run` or `restart`";
            findings.push(Finding::error(source, span, message).help(help));
        }
        return;
    };
    let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
    let Some(known) = FLAGS.iter().find(|known| **known == name) else {
        let ignored = match nearest(name, FLAGS) {
            Some(near) => Finding::warning(source, span, format!("the server reads no property `{name}`"))
                .help(format!("write `-D{near}=`; capitals matter")),
            None => Finding::warning(source, span, format!("`-D{name}` has no effect on the model")),
        };
        findings.push(ignored);
        return;
    };
    if seen.contains(known) {
        let message = format!("`-D{name}` is given twice: the last one holds");
        findings.push(Finding::warning(source, span.clone(), message));
    }
    seen.push(known);
    match *known {
        "profile" => match PROFILES.iter().find(|(profile, _)| *profile == value) {
            Some((_, profile)) => command.profile = Some(*profile),
            None => findings.push(unknown_profile(source, span, value)),
        },
        "workerNode" => match value {
            "true" => command.worker_node = true,
            "false" => command.worker_node = false,
            _ => {
                let message = format!("`{value}` is read as false");
                findings.push(Finding::warning(source, span, message).help("write `-DworkerNode=true`"));
                command.worker_node = false;
            }
        },
        _ => match value.parse() {
            Ok(offset) => command.port_offset = Some(offset),
            Err(_) => {
                let message = format!("`{value}` cannot be added to a port");
                findings.push(
                    Finding::error(source, span, message).help("a whole number, such as `-DportOffset=1`"),
                );
            }
        },
    }
}

fn unknown_profile(source: &Source, span: std::ops::Range<usize>, value: &str) -> Finding {
    let names: Vec<&str> = PROFILES.iter().map(|(name, _)| *name).collect();
    let help = if value == "gateway-manager" {
        "only 1.x and 2.0 have it; a gateway manager is started without a profile".to_owned()
    } else {
        did_you_mean(value, &names)
    };
    Finding::error(source, span, format!("unknown profile `{value}`")).help(help)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> (Option<StartCommand>, Findings) {
        let mut findings = Findings::new();
        let command = read(&Source::new("start-command", text), &mut findings);
        (command, findings)
    }

    #[test]
    fn flags_are_read_from_the_documented_command() {
        let (command, findings) = parse(
            "# worker 1\nnohup sh /opt/wso2am/bin/api-manager.sh -Dprofile=gateway-worker \\\n  -DworkerNode=true -DportOffset=2 > /dev/null 2>&1 &\n",
        );
        assert!(findings.is_empty(), "{findings}");
        let command = command.unwrap();
        assert_eq!(command.script, "/opt/wso2am/bin/api-manager.sh");
        assert_eq!(command.profile, Some(Profile::GatewayWorker));
        assert!(command.worker_node);
        assert_eq!(command.port_offset, Some(2));
    }

    #[test]
    fn a_flag_with_wrong_capitals_is_ignored_with_a_warning() {
        let (command, findings) = parse("sh bin/api-manager.sh -Dworkernode=true");
        assert!(!command.unwrap().worker_node);
        assert!(!findings.has_errors());
        assert!(findings.to_string().contains("write `-DworkerNode=`"), "{findings}");
    }

    #[test]
    fn what_cannot_start_a_gateway_is_an_error() {
        for text in [
            "",
            "# nothing\n",
            "sh",
            "sh bin/api-manger.sh",
            "sh bin/api-manager.sh -Dprofile=gateway-manager",
            "sh bin/api-manager.sh -Dprofile=gateway-workr",
            "sh bin/api-manager.sh -DportOffset=x",
            "sh bin/api-manager.sh stop",
            "sh bin/api-manager.sh $FLAGS",
            "sh bin/api-manager.sh | tee log",
            "sh bin/api-manager.sh; reboot",
            "sh 'bin/api-manager.sh",
        ] {
            assert!(parse(text).1.has_errors(), "{text}");
        }
    }

    #[test]
    fn of_two_equal_flags_the_last_holds() {
        let (command, findings) = parse("sh api-manager.sh -DworkerNode=true -DworkerNode=false");
        assert!(!command.unwrap().worker_node);
        assert_eq!(findings.iter().count(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|(sh |api-manager.sh |-Dprofile=|-DportOffset=|[0-9;>&\n' ])*") {
            parse(&text);
        }
    }
}
