//! WHIP: media comes from the client.

use super::{
    Codec, CodecBinding, Extensions, Features, Kind, Local, OfferError, Remote, Unacceptable,
    answer::{self, Accepted, Line, Purpose},
    extension::{self, Flow},
    media::Section,
    negotiation::{self, Usable},
    offer::Offer,
    sources::{self, Sources},
};

/// An accepted WHIP offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publishing {
    /// The SDP answer.
    pub answer: String,
    /// The client's side of the transport.
    pub remote: Remote,
    /// One per m-line that sends, in the offer's order; at least one.
    pub tracks: Vec<PublishedTrack>,
}

/// One m-line on which the client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedTrack {
    /// The m-line's name, also in the header extension.
    pub mid: String,
    /// Audio or video.
    pub kind: Kind,
    /// What the client may send; it usually sends the first. At least one.
    pub codecs: Vec<CodecBinding>,
    /// The header extensions of its packets.
    pub extensions: Extensions,
    /// The announced media SSRCs, in the order of a legacy `SIM` group; often empty, then packets
    /// are told apart by header extension or payload type.
    pub ssrcs: Vec<u32>,
    /// Announced pairs of media SSRC and RTX SSRC.
    pub rtx_of: Vec<(u32, u32)>,
    /// The simulcast layers, at most 4, in the client's order, which need not be by size; empty
    /// without simulcast.
    pub rids: Vec<String>,
}

/// Answers a WHIP offer: every m-line on which the client can send is received.
///
/// H.264 is answered first (packetization mode 1 before 0), then the other codecs in the offer's
/// order, so that clients that send the first codec of the answer send H.264.
///
/// # Errors
/// [`OfferError`] says what is wrong with the offer, or why the relay cannot serve it.
pub fn publish(offer: &str, local: &Local<'_>) -> Result<Publishing, OfferError> {
    let offer = Offer::parse(offer)?;
    let negotiated = negotiation::negotiate(&offer, Flow::FromClient, &local.features)?;
    let mut tracks = Vec::new();
    let lines: Vec<Line<'_>> = negotiated
        .into_iter()
        .map(|usable| match usable {
            Err(section) => Line::Rejected(section),
            Ok(usable) => receive(usable, &local.features, &mut tracks),
        })
        .collect();
    if tracks.is_empty() {
        return Err(Unacceptable::NothingToReceive.into());
    }
    let remote = offer.remote()?;
    Ok(Publishing {
        answer: answer::write(local, &lines),
        remote,
        tracks,
    })
}

fn receive<'a>(
    usable: Usable<'a>,
    features: &Features,
    tracks: &mut Vec<PublishedTrack>,
) -> Line<'a> {
    let Usable {
        section,
        mid,
        kind,
        mut codecs,
        flows,
    } = usable;
    codecs.sort_by_key(|binding| preference(binding.codec));
    let Sources {
        ssrcs,
        rtx_of,
        rids,
    } = if flows {
        sources::read(&section)
    } else {
        Sources::default()
    };
    let (extensions, mappings) =
        extension::read(&section, Flow::FromClient, !rids.is_empty(), features);
    // Layers are told apart by the header extension only.
    let rids = if extensions.rid.is_some() {
        rids
    } else {
        Vec::new()
    };
    let purpose = if flows {
        tracks.push(PublishedTrack {
            mid: mid.to_owned(),
            kind,
            codecs: codecs.clone(),
            extensions,
            ssrcs,
            rtx_of,
            rids: rids.clone(),
        });
        Purpose::Receive {
            rids,
            start_bitrate_kbps: features
                .start_bitrate_kbps
                .filter(|_| kind == Kind::Video && is_libwebrtc(&section)),
        }
    } else {
        Purpose::Inactive
    };
    let allow_mixed =
        extensions.dependency_descriptor.is_some() && section.has_anywhere("extmap-allow-mixed");
    Line::Accepted(Accepted {
        section,
        mid,
        codecs,
        mappings,
        allow_mixed,
        purpose,
    })
}

/// The smaller, the further in front. Redundant audio goes before what it is made of: a lossy line costs no second of sound, and
/// the relay takes it apart.
fn preference(codec: Codec) -> u8 {
    match codec {
        Codec::Red => 0,
        Codec::H264 {
            packetization_mode: 1,
            ..
        } => 0,
        Codec::H264 { .. } => 1,
        _ => 2,
    }
}

/// Only libwebrtc offers its playout delay extension, and only libwebrtc knows the `x-google-`
/// parameters.
fn is_libwebrtc(section: &Section<'_>) -> bool {
    section
        .values("extmap")
        .any(|value| value.ends_with("http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"))
}
