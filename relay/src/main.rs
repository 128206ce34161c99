//! `lectern`: the relay and the tools that go with it. See the README.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    relay::cli::Cli::parse().execute()
}
