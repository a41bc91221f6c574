//! The `chatctl` binary: parse, run, map the outcome to an exit code.

use clap::Parser;

fn main() {
    let _cli = chatctl::cli::Cli::parse();
}
