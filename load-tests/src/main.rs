//! `lectern-load`: see the library.

use std::process::ExitCode;

use clap::Parser;
use load_tests::cli::Cli;
use load_tests::link::ProfileError;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lectern-load: {error:#}");
            match error.is::<ProfileError>() {
                // As for any other mistake on the command line.
                true => ExitCode::from(2),
                false => ExitCode::FAILURE,
            }
        }
    }
}
