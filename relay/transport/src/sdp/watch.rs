//! WHEP: media goes to the client.

use super::{
    CodecBinding, Extensions, Features, Kind, Local, OfferError, Remote, Unacceptable,
    answer::{self, Accepted, Line, Purpose},
    extension::{self, Flow},
    media::values,
    negotiation::{self, Usable},
    offer::Offer,
};

/// What the relay would show, before it knows how many m-lines the client has.
///
/// The n-th video m-line that receives shows `video[n]`, the n-th audio m-line plays `audio[n]`;
/// m-lines beyond a list stay inactive. A name (token characters, at most 64) becomes the `msid`
/// identifier and the CNAME: players keep m-lines of equal names in lip-sync. Within one list,
/// names differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchPlan<'a> {
    /// For example `["camera", "courseware", "stage-1"]`.
    pub video: &'a [&'a str],
    /// For example `["camera", "stage-1"]`.
    pub audio: &'a [&'a str],
}

/// An accepted WHEP offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    /// The SDP answer.
    pub answer: String,
    /// The client's side of the transport.
    pub remote: Remote,
    /// One per m-line that receives and is planned for, in the offer's order; at least one.
    pub slots: Vec<WatchedSlot>,
}

/// One m-line on which the relay sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedSlot {
    /// The m-line's name.
    pub mid: String,
    /// Audio or video.
    pub kind: Kind,
    /// Its place among the m-lines of its kind: the index into the plan's list.
    pub place: usize,
    /// The plan's name for it: `msid` identifier and CNAME.
    pub name: String,
    /// The SSRC to send with.
    pub ssrc: u32,
    /// The SSRC to retransmit with, if any of `codecs` has an RTX payload type.
    pub rtx_ssrc: Option<u32>,
    /// Everything the client can receive that the relay forwards, in the offer's order; at least
    /// one. See [`pick`](super::pick).
    pub codecs: Vec<CodecBinding>,
    /// The header extensions the client understands.
    pub extensions: Extensions,
}

/// Answers a WHEP offer: every m-line on which the client can receive becomes a slot, with every
/// codec the client offers, since slots are refilled with whatever a publication has.
///
/// `next_ssrc` is asked for one random number per SSRC; zero and repetitions are stepped over.
///
/// # Errors
/// [`OfferError`] says what is wrong with the offer, or why the relay cannot serve it.
pub fn watch(
    offer: &str,
    local: &Local<'_>,
    plan: &WatchPlan<'_>,
    next_ssrc: impl FnMut() -> u32,
) -> Result<Watching, OfferError> {
    let offer = Offer::parse(offer)?;
    let negotiated = negotiation::negotiate(&offer, Flow::ToClient, &local.features)?;
    let mut ssrcs = Ssrcs {
        next: next_ssrc,
        taken: client_ssrcs(&offer),
    };
    let mut slots = Vec::new();
    let mut wanted = false;
    let lines: Vec<Line<'_>> = negotiated
        .into_iter()
        .map(|usable| match usable {
            Err(section) => Line::Rejected(section),
            Ok(usable) => {
                wanted |= usable.flows;
                send(usable, &local.features, plan, &mut slots, &mut ssrcs)
            }
        })
        .collect();
    if slots.is_empty() {
        return Err(if wanted {
            Unacceptable::NothingPlanned
        } else {
            Unacceptable::NothingToSend
        }
        .into());
    }
    let remote = offer.remote()?;
    Ok(Watching {
        answer: answer::write(local, &lines),
        remote,
        slots,
    })
}

fn send<'a>(
    usable: Usable<'a>,
    features: &Features,
    plan: &WatchPlan<'_>,
    slots: &mut Vec<WatchedSlot>,
    ssrcs: &mut Ssrcs<impl FnMut() -> u32>,
) -> Line<'a> {
    let Usable {
        section,
        mid,
        kind,
        codecs,
        flows,
    } = usable;
    let (extensions, mappings) = extension::read(&section, Flow::ToClient, false, features);
    let place = slots.iter().filter(|slot| slot.kind == kind).count();
    let names = match kind {
        Kind::Audio => plan.audio,
        Kind::Video => plan.video,
    };
    let purpose = match names.get(place) {
        Some(&name) if flows => {
            let ssrc = ssrcs.draw();
            let rtx_ssrc = codecs
                .iter()
                .any(|binding| binding.rtx.is_some())
                .then(|| ssrcs.draw());
            slots.push(WatchedSlot {
                mid: mid.to_owned(),
                kind,
                place,
                name: name.to_owned(),
                ssrc,
                rtx_ssrc,
                codecs: codecs.clone(),
                extensions,
            });
            Purpose::Send {
                ssrc,
                rtx_ssrc,
                name: name.to_owned(),
                track: format!("{name}-{kind}"),
            }
        }
        _ => Purpose::Inactive,
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

/// SSRCs that the client sends with, which may not be ours in the same RTP session (RFC 3550 §8.2).
fn client_ssrcs(offer: &Offer) -> Vec<u32> {
    offer
        .sections()
        .flat_map(|section| values(&section.media.attributes, "ssrc"))
        .filter_map(|value| value.split_ascii_whitespace().next()?.parse().ok())
        .collect()
}

/// Unique SSRCs from a source of random numbers.
struct Ssrcs<F> {
    next: F,
    taken: Vec<u32>,
}

impl<F: FnMut() -> u32> Ssrcs<F> {
    fn draw(&mut self) -> u32 {
        let mut ssrc = (self.next)();
        while ssrc == 0 || self.taken.contains(&ssrc) {
            ssrc = ssrc.wrapping_add(1);
        }
        self.taken.push(ssrc);
        ssrc
    }
}
