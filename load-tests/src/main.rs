//! `lectern-load`: see the library.

use std::process::ExitCode;

use clap::Parser;
use load_tests::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lectern-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}
