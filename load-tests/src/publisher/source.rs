//! Where pictures come from.

use std::path::Path;

use super::h264::AccessUnit;
use super::mark;
use super::pattern::Pattern;

/// A source of pictures.
pub enum Source {
    /// Made up.
    Synthetic {
        /// How large they are.
        pattern: Pattern,
        /// What their slices are filled with.
        filling: u8,
    },
    /// A file, repeated.
    Clip {
        /// Its pictures.
        pictures: Vec<AccessUnit>,
        /// Which comes next.
        next: usize,
    },
}

/// Why a clip cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// It cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, std::io::Error),
    /// It is something else.
    #[error("{0} is not an h.264 byte stream with a keyframe")]
    NotH264(String),
}

impl Source {
    /// Synthetic pictures of a rate in Mbit/s.
    pub fn synthetic(mbit: f64) -> Self {
        Self::Synthetic {
            pattern: Pattern::new(mbit),
            filling: mark::PLAIN,
        }
    }

    /// The pictures of an Annex B file. Its rate is its own.
    pub fn clip(path: &Path) -> Result<Self, ClipError> {
        let name = path.display().to_string();
        let bytes =
            std::fs::read(path).map_err(|error| ClipError::Unreadable(name.clone(), error))?;
        let pictures = AccessUnit::split(bytes.into());
        if !pictures.iter().any(AccessUnit::is_keyframe) {
            return Err(ClipError::NotH264(name));
        }
        Ok(Self::Clip { pictures, next: 0 })
    }

    /// The next picture is to be a keyframe. A clip has keyframes only where it has them, so it skips to the next one.
    pub fn request_keyframe(&mut self) {
        match self {
            Self::Synthetic { pattern, .. } => pattern.request_keyframe(),
            Self::Clip { pictures, next } => {
                let ahead = (0..pictures.len()).map(|step| (*next + step) % pictures.len());
                if let Some(keyframe) = ahead.into_iter().find(|at| pictures[*at].is_keyframe()) {
                    *next = keyframe;
                }
            }
        }
    }

    /// The next picture.
    pub fn next_picture(&mut self) -> AccessUnit {
        match self {
            Self::Synthetic { pattern, filling } => {
                let frame = pattern.next_frame();
                AccessUnit::synthetic(frame.size, frame.keyframe, *filling)
            }
            Self::Clip { pictures, next } => {
                let picture = pictures[*next].clone();
                *next = (*next + 1) % pictures.len();
                picture
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_repeats_and_skips_to_keyframes() {
        let key = AccessUnit::synthetic(10, true, mark::PLAIN);
        let other = AccessUnit::synthetic(10, false, mark::PLAIN);
        let mut source = Source::Clip {
            pictures: vec![key, other.clone(), other],
            next: 0,
        };
        let keys: Vec<bool> = (0..4)
            .map(|_| source.next_picture().is_keyframe())
            .collect();
        assert_eq!(keys, [true, false, false, true]);
        source.request_keyframe();
        assert!(source.next_picture().is_keyframe());
    }

    #[test]
    fn names_the_clip_it_cannot_read() {
        let error = Source::clip(Path::new("/nowhere/lesson.h264"))
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/lesson.h264 cannot be read")
        );
    }
}
