//! The offers, a relay to answer them, and what must hold of every answer.

use std::{collections::BTreeSet, io::Cursor};

use relay_transport::{
    Credentials, Fingerprint, Path,
    sdp::{
        Features, Local, OfferError, Publishing, WatchPlan, WatchedSlot, Watching, publish, watch,
    },
};
use rtc_sdp::{SessionDescription, description::media::MediaDescription};

macro_rules! offers {
    ($($name:ident = $file:literal;)*) => {
        $(pub const $name: &str = include_str!(concat!("../offers/", $file, ".sdp"));)*
        /// Every offer, with its file's name.
        pub const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

offers! {
    CHROMIUM_PUBLISH = "chromium-publish";
    CHROMIUM_PUBLISH_H264 = "chromium-publish-h264";
    CHROMIUM_PUBLISH_SIMULCAST = "chromium-publish-simulcast";
    CHROMIUM_PUBLISH_RED_FIRST = "chromium-publish-red-first";
    CHROMIUM_SENDRECV = "chromium-sendrecv";
    CHROMIUM_DATACHANNEL = "chromium-datachannel";
    CHROMIUM_WATCH_2X2 = "chromium-watch-2x2";
    CHROMIUM_WATCH_3X3 = "chromium-watch-3x3";
    FIREFOX_PUBLISH = "firefox-publish";
    FIREFOX_PUBLISH_SIMULCAST = "firefox-publish-simulcast";
    FIREFOX_WATCH = "firefox-watch";
    SAFARI_PUBLISH = "safari-publish";
    OBS_WHIP = "obs-whip";
    GSTREAMER_PUBLISH = "gstreamer-publish";
    FFMPEG_WHIP = "ffmpeg-whip";
    LEGACY_SIMULCAST = "legacy-simulcast";
}

pub const PLAN: WatchPlan<'static> = WatchPlan {
    video: &["camera", "courseware", "stage-1"],
    audio: &["camera", "stage-1", "stage-2"],
};

pub fn credentials() -> Credentials {
    Credentials {
        ufrag: "relay".to_owned(),
        pwd: "relayPasswordOf24Letters".to_owned(),
    }
}

/// Calls `answer` with a relay of one IPv4 and one IPv6 address, and TCP at one of them.
pub fn with_local<T>(features: Features, answer: impl FnOnce(&Local<'_>) -> T) -> T {
    let candidates: [Path; 3] = [
        Path::udp("192.0.2.7:7000".parse().unwrap()),
        Path::udp("[2001:db8::7]:7000".parse().unwrap()),
        Path::tcp("192.0.2.7:443".parse().unwrap()),
    ];
    answer(&Local {
        credentials: &credentials(),
        fingerprint: &Fingerprint::sha256(b"certificate"),
        candidates: &candidates,
        session_id: 42,
        features,
    })
}

pub fn publishing(offer: &str) -> Result<Publishing, OfferError> {
    publishing_with(offer, Features::default())
}

pub fn publishing_with(offer: &str, features: Features) -> Result<Publishing, OfferError> {
    let answered = with_local(features, |local| publish(offer, local))?;
    check_answer(offer, &answered.answer, &["recvonly", "inactive"]);
    Ok(answered)
}

/// SSRCs are 101, 102, …
pub fn watching(offer: &str) -> Result<Watching, OfferError> {
    let mut last = 100;
    let next_ssrc = || {
        last += 1;
        last
    };
    let answered = with_local(Features::default(), |local| {
        watch(offer, local, &PLAN, next_ssrc)
    })?;
    check_answer(offer, &answered.answer, &["sendonly", "inactive"]);
    check_ssrcs(&answered.slots);
    Ok(answered)
}

pub fn parse(sdp: &str) -> SessionDescription {
    SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes())).unwrap()
}

/// The values of the attributes `key`; flags count as empty.
pub fn values<'a>(media: &'a MediaDescription, key: &str) -> Vec<&'a str> {
    let matching = media.attributes.iter().filter(|a| a.key == key);
    matching
        .map(|a| a.value.as_deref().unwrap_or_default())
        .collect()
}

/// RFC 3264 §6, RFC 9143 §7.3 and RFC 8839: what any answer owes its offer.
fn check_answer(offer: &str, answer: &str, directions: &[&str]) {
    assert!(
        answer.lines().count() == answer.matches("\r\n").count(),
        "CRLF"
    );
    let (offer, answer) = (parse(offer), parse(answer));
    assert!(answer.has_attribute("ice-lite"));
    let pairs = offer
        .media_descriptions
        .iter()
        .zip(&answer.media_descriptions);
    assert_eq!(
        offer.media_descriptions.len(),
        answer.media_descriptions.len()
    );

    let mut bundled: Vec<&str> = Vec::new();
    for (offered, answered) in pairs {
        assert_eq!(offered.media_name.media, answered.media_name.media);
        assert_eq!(offered.media_name.protos, answered.media_name.protos);
        assert_eq!(
            values(offered, "mid").first(),
            values(answered, "mid").first()
        );
        let formats: BTreeSet<_> = offered.media_name.formats.iter().collect();
        let kept: BTreeSet<_> = answered.media_name.formats.iter().collect();
        assert_eq!(
            kept.len(),
            answered.media_name.formats.len(),
            "a repeated format"
        );
        assert!(!kept.is_empty() && kept.is_subset(&formats));
        if answered.media_name.port.value == 0 {
            assert!(answered.has_attribute("inactive"));
            continue;
        }
        bundled.extend(values(answered, "mid"));
        check_section(offered, answered, directions);
        let candidates = if bundled.len() == 1 { 3 } else { 0 };
        assert_eq!(values(answered, "candidate").len(), candidates);
        assert_eq!(answered.has_attribute("end-of-candidates"), candidates > 0);
    }
    let group = format!("BUNDLE {}", bundled.join(" "));
    assert_eq!(answer.attribute("group"), Some(&group));
}

fn check_section(offered: &MediaDescription, answered: &MediaDescription, directions: &[&str]) {
    let directed: Vec<_> = ["sendrecv", "sendonly", "recvonly", "inactive"]
        .into_iter()
        .filter(|direction| answered.has_attribute(direction))
        .collect();
    assert!(
        directed.len() == 1 && directions.contains(&directed[0]),
        "{directed:?}"
    );
    assert_eq!(values(answered, "setup"), ["passive"]);
    assert_eq!(values(answered, "ice-ufrag"), [credentials().ufrag]);
    assert_eq!(values(answered, "ice-pwd"), [credentials().pwd]);
    assert_eq!(values(answered, "fingerprint").len(), 1);
    assert!(answered.has_attribute("rtcp-mux"));
    assert_eq!(answered.media_name.port.value, 7000);

    // Mapped, configured and repaired exactly as offered. Encoding names know no case.
    let lower = |values: Vec<&str>| -> BTreeSet<String> {
        values.into_iter().map(str::to_ascii_lowercase).collect()
    };
    assert!(lower(values(answered, "rtpmap")).is_subset(&lower(values(offered, "rtpmap"))));
    let (offered_fmtp, answered_fmtp) = (values(offered, "fmtp"), values(answered, "fmtp"));
    for fmtp in answered_fmtp {
        let plain = fmtp.split(";x-google-start-bitrate").next().unwrap();
        assert!(
            offered_fmtp.contains(&plain) || fmtp.contains(" x-google-"),
            "{fmtp}"
        );
    }
    for feedback in values(answered, "rtcp-fb") {
        let wildcard = format!("* {}", feedback.split_once(' ').unwrap().1);
        let offered = values(offered, "rtcp-fb");
        assert!(
            offered.contains(&feedback) || offered.contains(&wildcard.as_str()),
            "{feedback}"
        );
    }
    let mapped = |value: &str| -> (String, String) {
        let (id, uri) = value.split_once(' ').unwrap();
        (id.split('/').next().unwrap().to_owned(), uri.to_owned())
    };
    let offered_extensions: BTreeSet<_> =
        values(offered, "extmap").into_iter().map(mapped).collect();
    for extension in values(answered, "extmap") {
        assert!(
            offered_extensions.contains(&mapped(extension)),
            "{extension}"
        );
    }
}

fn check_ssrcs(slots: &[WatchedSlot]) {
    let ssrcs: Vec<u32> = slots
        .iter()
        .flat_map(|slot| [Some(slot.ssrc), slot.rtx_ssrc])
        .flatten()
        .collect();
    assert_eq!(ssrcs.iter().collect::<BTreeSet<_>>().len(), ssrcs.len());
    assert!(!ssrcs.contains(&0));
}
