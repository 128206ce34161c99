//! Clips made for a test and removed after it.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod relay;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file name of this test process's own.
pub fn scratch(name: &str) -> PathBuf {
    gstreamer::init().expect("GStreamer is installed");
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// Runs ffmpeg with these arguments and an output file.
pub fn ffmpeg(arguments: &[&str], output: &Path) {
    let done = Command::new("ffmpeg")
        .args(["-y", "-v", "error", "-nostdin"])
        .args(arguments)
        .arg(output)
        .output()
        .expect("ffmpeg is installed");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A clip of 2 s, 320×180 at 30 pictures per second.
pub struct Clip(PathBuf);

impl Clip {
    /// H.264 constrained baseline with a keyframe every second, and stereo Opus.
    pub fn two_seconds(name: &str) -> Self {
        Self::make(
            name,
            &[
                "-c:v",
                "libx264",
                "-profile:v",
                "baseline",
                "-g",
                "30",
                "-c:a",
                "libopus",
                "-ac",
                "2",
            ],
        )
    }

    /// With these encoding options.
    pub fn make(name: &str, options: &[&str]) -> Self {
        let path = scratch(name);
        let input = [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x180:rate=30:duration=2",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000:duration=2",
            "-pix_fmt",
            "yuv420p",
        ];
        ffmpeg(&[&input, options].concat(), &path);
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
