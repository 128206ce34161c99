//! `lectern token`.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use protocol::{Claims, LessonId, Role, SeatId, Source};

use super::{Disk, Failure, Sources};
use crate::config::{self, parse_duration};

/// Flags of `lectern token`.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    sources: Sources,
    /// What the holder is to the lesson.
    #[arg(long, value_enum)]
    role: RoleName,
    /// The lesson it opens.
    #[arg(long)]
    lesson: LessonId,
    /// The seat that holds it: a room, or the central school.
    #[arg(long)]
    seat: SeatId,
    /// What the holder may publish, separated by commas; everything its role may, unless given.
    #[arg(long = "sources", value_name = "SOURCES", value_delimiter = ',')]
    may_publish: Option<Vec<Source>>,
    /// For how long it is good: 90s, 15m, 12h, 7d.
    #[arg(long, default_value = "12h", value_parser = parse_duration)]
    valid: std::time::Duration,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    Teacher,
    Room,
    Observer,
    Operator,
    Recorder,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Teacher => Role::Teacher,
            RoleName::Room => Role::Room,
            RoleName::Observer => Role::Observer,
            RoleName::Operator => Role::Operator,
            RoleName::Recorder => Role::Recorder,
        }
    }
}

impl Options {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let settings = self.sources.settings()?;
        let key = config::key(&settings, &Disk)?.ok_or_else(|| {
            Failure::Asked(
                "there is no key to sign with: give --key-file, or --config with one".into(),
            )
        })?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| Failure::Happened("this machine's clock is before 1970".into()))?;
        let token = key
            .sign(&self.claims(now.as_secs())?)
            .map_err(|error| Failure::Happened(error.to_string()))?;
        println!("{token}");
        Ok(())
    }

    fn claims(&self, now: u64) -> Result<Claims, Failure> {
        let role = Role::from(self.role);
        let sources = self.may_publish.clone();
        if let Some(source) = sources
            .iter()
            .flatten()
            .find(|source| !role.may_publish(**source))
        {
            return Err(Failure::Asked(format!(
                "--sources {source}: this role never publishes it"
            )));
        }
        Ok(Claims {
            sub: self.seat.clone(),
            role,
            lesson: self.lesson.clone(),
            sources,
            exp: now.saturating_add(self.valid.as_secs()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn claims(line: &str) -> Result<Claims, String> {
        let arguments = ["token"].into_iter().chain(line.split(' '));
        let line = Line::try_parse_from(arguments).map_err(|error| error.to_string())?;
        line.options
            .claims(1_000)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_says_what_was_asked() {
        let claims = claims(
            "--role teacher --lesson demo --seat centre --sources camera,courseware --valid 2m",
        )
        .unwrap();
        assert_eq!(claims.role, Role::Teacher);
        assert_eq!(
            claims.sources,
            Some(vec![Source::Camera, Source::Courseware])
        );
        assert_eq!(claims.exp, 1_120);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(claims("--role room --lesson demo --seat room-7 --sources camera").is_err());
        assert!(claims("--role room --lesson a/b --seat room-7").is_err());
        assert!(claims("--role king --lesson demo --seat room-7").is_err());
        assert!(claims("--role room --lesson demo --seat room-7 --valid soon").is_err());
    }
}
