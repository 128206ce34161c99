//! What both doors decide alike: which m-lines can be used at all.

use super::{
    CodecBinding, Features, Kind, OfferError, Unacceptable, codec,
    extension::Flow,
    media::Section,
    offer::{Offer, excerpt},
};

/// An m-line with a codec and a transport that the relay has.
#[derive(Debug)]
pub(super) struct Usable<'a> {
    pub section: Section<'a>,
    pub mid: &'a str,
    pub kind: Kind,
    /// At least one, in the offer's order.
    pub codecs: Vec<CodecBinding>,
    /// Whether the client wants RTP to flow the way the door has it.
    pub flows: bool,
}

/// Each m-line of the offer in place and order: usable, or to be rejected.
pub(super) fn negotiate<'a>(
    offer: &'a Offer,
    flow: Flow,
    features: &Features,
) -> Result<Vec<Result<Usable<'a>, Section<'a>>>, OfferError> {
    let lines: Vec<_> = offer
        .sections()
        .map(|section| usable(section, offer, flow, features).ok_or(section))
        .collect();
    let kept: Vec<&Usable<'_>> = lines.iter().flatten().collect();
    if kept.is_empty() {
        return Err(Unacceptable::NoCodec(excerpt(&offered(offer))).into());
    }
    if kept.len() > 1 && !offer.has_bundle() {
        return Err(Unacceptable::NotBundled.into());
    }
    if let Some(usable) = kept
        .iter()
        .find(|usable| usable.flows && !usable.section.has_anywhere("rtcp-mux"))
    {
        return Err(Unacceptable::RtcpMux(usable.mid.to_owned()).into());
    }
    Ok(lines)
}

fn usable<'a>(
    section: Section<'a>,
    offer: &Offer,
    flow: Flow,
    features: &Features,
) -> Option<Usable<'a>> {
    let kind = section.kind().filter(|_| section.is_enabled())?;
    let mid = section.mid().filter(|mid| offer.bundles(mid))?;
    let codecs = codec::bindings(&section, kind, features);
    (!codecs.is_empty()).then(|| Usable {
        section,
        mid,
        kind,
        codecs,
        flows: section.allows(flow),
    })
}

/// What the offer has instead, for the error message.
fn offered(offer: &Offer) -> String {
    let mut words: Vec<String> = Vec::new();
    for section in offer.sections() {
        let names = section
            .values("rtpmap")
            .filter_map(|value| value.split_once(' ')?.1.split('/').next());
        let mut section_words: Vec<String> = names.map(str::to_owned).collect();
        if section.kind().is_none() || section_words.is_empty() {
            section_words = vec![format!(
                "{} over {}",
                section.media.media_name.media,
                section.protocol()
            )];
        }
        for word in section_words {
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    words.join(", ")
}
