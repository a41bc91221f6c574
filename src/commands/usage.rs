//! A command line that clap refused, or that asked for help or the version.

use crate::error::{Error, ErrorKind};
use crate::report::Reporter;
use clap::error::ErrorKind as ClapErrorKind;
use std::process::ExitCode;

/// Help and version go to stdout with 0; a wrong command line goes to stderr with 64.
pub fn usage(reporter: &Reporter, refused: &clap::Error) -> ExitCode {
    let _ = refused.print();
    if !refused.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let exit_code = ErrorKind::Usage.exit_code();
    reporter.failure_document(&error(refused), exit_code);
    ExitCode::from(exit_code)
}

/// What clap's text says, without its layout: the first paragraph is the message.
fn error(refused: &clap::Error) -> Error {
    if matches!(
        refused.kind(),
        ClapErrorKind::MissingSubcommand | ClapErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return Error::usage("no command was given").hint("`chatctl --help` lists the commands");
    }
    let text = refused.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message: Vec<_> = message.lines().map(str::trim).collect();
    let message = message.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let tips = rest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "));
    tips.fold(Error::usage(message), Error::hint)
        .hint("`chatctl --help` lists the commands and flags, `chatctl help COMMAND` those of one command")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn refused(line: &str) -> Error {
        error(&Cli::try_parse_from(line.split(' ')).unwrap_err())
    }

    #[test]
    fn the_message_is_one_line_and_tips_are_hints() {
        let unknown = refused("chatctl status --regoin x");
        assert_eq!(unknown.message(), "unexpected argument '--regoin' found");
        assert_eq!(unknown.hints()[0], "a similar argument exists: '--region'");
        let value = refused("chatctl status --output yaml");
        assert_eq!(
            value.message(),
            "invalid value 'yaml' for '--output <OUTPUT>' [possible values: text, json]"
        );
        let missing = refused("chatctl completions");
        assert_eq!(
            missing.message(),
            "the following required arguments were not provided: <SHELL>"
        );
        assert_eq!(refused("chatctl").message(), "no command was given");
    }
}
