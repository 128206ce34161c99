//! The default microphone, through PulseAudio (or PipeWire's stand-in for it) where it runs, else ALSA.

use std::time::Duration;

use super::OpenError;
use super::outlet::Outlet;
use crate::elements::{self, Missing};
use crate::encode::OPUS_TAIL;
use crate::pipeline::Pipeline;

/// How long a sound server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn open(outlet: &Outlet) -> Result<Pipeline, OpenError> {
    let mut failure = OpenError::from(Missing::new("pulsesrc"));
    for element in ["pulsesrc", "alsasrc"] {
        if !elements::is_present(element) {
            continue;
        }
        match start(element, outlet) {
            Ok(pipeline) => {
                tracing::info!(microphone = element, "microphone opened");
                return Ok(pipeline);
            }
            Err(error) => failure = OpenError::Unusable(format!("no microphone: {error}")),
        }
    }
    Err(failure)
}

fn start(element: &str, outlet: &Outlet) -> Result<Pipeline, OpenError> {
    // Sound is timed by the system's clock; the sound card's own clock drifts against it and is corrected for by resampling.
    let pipeline = Pipeline::parse(&format!(
        "{element} provide-clock=false slave-method=resample latency-time=10000 buffer-time=100000 \
         ! queue max-size-time=500000000 leaky=downstream ! {OPUS_TAIL} sync=false"
    ))?;
    // Before the notices are connected: a server that does not answer is not the end if the other one does.
    pipeline.play()?;
    pipeline.settle(PATIENCE)?;
    outlet.connect(&pipeline);
    Ok(pipeline)
}
