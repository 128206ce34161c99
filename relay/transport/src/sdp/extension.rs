//! RTP header extensions (RFC 8285): which ones are used, and under which ids.

use super::{Features, media::Section};

const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const ABS_CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";
const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

/// The agreed ids, 1–14, of the extensions that the relay reads or forwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The m-line a packet belongs to (RFC 9143 §15).
    pub mid: Option<u8>,
    /// The simulcast layer (RFC 8852), only with agreed RIDs.
    pub rid: Option<u8>,
    /// The layer that an RTX packet repairs (RFC 8852), only with agreed RIDs.
    pub repaired_rid: Option<u8>,
    /// Loudness (RFC 6464).
    pub audio_level: Option<u8>,
    /// When the frame was captured, by the sender's clock.
    pub abs_capture_time: Option<u8>,
    /// When the packet was sent, for receiver-side estimates; only with
    /// [`Feedback::remb`](super::Feedback::remb).
    pub abs_send_time: Option<u8>,
    /// Transport-wide sequence numbers; only with
    /// [`Feedback::transport_cc`](super::Feedback::transport_cc).
    pub transport_cc: Option<u8>,
    /// Rotation of the picture (3GPP TS 26.114).
    pub video_orientation: Option<u8>,
    /// AV1 dependency descriptor; only with [`Features::dependency_descriptor`].
    pub dependency_descriptor: Option<u8>,
}

/// The direction in which RTP flows, seen from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    FromClient,
    ToClient,
}

/// One `a=extmap` of the answer, beside the ids it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub id: u8,
    /// The answer's direction suffix, if the offer had one.
    pub direction: Option<&'static str>,
    pub uri: &'static str,
}

/// Reads the offer's `a=extmap` lines and keeps what is used for RTP in the direction of `flow`.
///
/// Ids above 14 need two-byte headers in every packet, which no client insists on: they are left
/// out.
pub(super) fn read(
    section: &Section<'_>,
    flow: Flow,
    rids: bool,
    features: &Features,
) -> (Extensions, Vec<Mapping>) {
    let mut extensions = Extensions::default();
    let mut mappings: Vec<Mapping> = Vec::new();
    for value in section
        .values("extmap")
        .chain(section.session_values("extmap"))
    {
        let mut words = value.split_ascii_whitespace();
        let (Some(entry), Some(uri)) = (words.next(), words.next()) else {
            continue;
        };
        let (id, direction) = entry
            .split_once('/')
            .map_or((entry, None), |(id, direction)| (id, Some(direction)));
        let Some(id) = id.parse().ok().filter(|id| (1..=14).contains(id)) else {
            continue;
        };
        let Some(direction) = mirrored(direction, flow) else {
            continue;
        };
        if mappings.iter().any(|known| known.id == id) {
            continue;
        }
        let mut take = |place: &mut Option<u8>, uri: &'static str, used: bool| {
            if used && place.is_none() {
                *place = Some(id);
                mappings.push(Mapping { id, direction, uri });
            }
        };
        match uri {
            MID => take(&mut extensions.mid, MID, section.mid_fits_extension()),
            RID => take(&mut extensions.rid, RID, rids),
            REPAIRED_RID => take(
                &mut extensions.repaired_rid,
                REPAIRED_RID,
                rids && features.rtx,
            ),
            AUDIO_LEVEL => take(&mut extensions.audio_level, AUDIO_LEVEL, true),
            ABS_CAPTURE_TIME => take(&mut extensions.abs_capture_time, ABS_CAPTURE_TIME, true),
            ABS_SEND_TIME => take(
                &mut extensions.abs_send_time,
                ABS_SEND_TIME,
                features.feedback.remb,
            ),
            TRANSPORT_CC => take(
                &mut extensions.transport_cc,
                TRANSPORT_CC,
                features.feedback.transport_cc,
            ),
            VIDEO_ORIENTATION => take(&mut extensions.video_orientation, VIDEO_ORIENTATION, true),
            DEPENDENCY_DESCRIPTOR => {
                take(
                    &mut extensions.dependency_descriptor,
                    DEPENDENCY_DESCRIPTOR,
                    features.dependency_descriptor,
                );
            }
            _ => {}
        }
    }
    (extensions, mappings)
}

/// The answer's direction for an extension the client maps in `direction`; `None` if it would flow
/// the other way (RFC 8285 §6).
fn mirrored(direction: Option<&str>, flow: Flow) -> Option<Option<&'static str>> {
    match (direction, flow) {
        (None, _) => Some(None),
        (Some("sendrecv"), _) => Some(Some("sendrecv")),
        (Some("sendonly"), Flow::FromClient) => Some(Some("recvonly")),
        (Some("recvonly"), Flow::ToClient) => Some(Some("sendonly")),
        _ => None,
    }
}
