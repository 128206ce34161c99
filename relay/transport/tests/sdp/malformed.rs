//! Text that is no offer, or one that nobody can serve.

use relay_transport::sdp::{Malformed, OfferError, Unacceptable};

use crate::common::*;

/// One offer of every client but Safari: what is cut and changed at every byte has to be short.
fn short() -> impl Iterator<Item = &'static str> {
    let short = |offer: &&str| offer.len() < 2_500;
    let offers: Vec<_> = ALL.iter().map(|(_, offer)| *offer).filter(short).collect();
    assert_eq!(offers.len(), 6);
    offers.into_iter()
}

/// Both doors; the refusal of the WHIP door.
fn refusal(offer: &str) -> OfferError {
    let _ = watching(offer);
    publishing(offer).unwrap_err()
}

fn malformed(offer: &str) -> Malformed {
    match refusal(offer) {
        OfferError::Malformed(why) => why,
        other => panic!("{other:?}"),
    }
}

fn unacceptable(offer: &str) -> Unacceptable {
    match refusal(offer) {
        OfferError::Unacceptable(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_offer_is_answered_at_one_door_at_least() {
    for (name, offer) in ALL {
        assert!(
            publishing(offer).is_ok() || watching(offer).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn any_truncation_is_answered_or_refused() {
    let mut outcomes = [0, 0];
    for offer in short() {
        for end in 0..offer.len() {
            outcomes[usize::from(publishing(&offer[..end]).is_ok())] += 1;
            let _ = watching(&offer[..end]);
        }
    }
    assert!(outcomes.iter().all(|count| *count > 1_000), "{outcomes:?}");
}

#[test]
fn any_line_may_be_lost_or_repeated() {
    for offer in short() {
        let lines: Vec<&str> = offer.split_inclusive("\r\n").collect();
        for index in 0..lines.len() {
            let lost = [&lines[..index], &lines[index + 1..]].concat().concat();
            let repeated = [&lines[..=index], &lines[index..]].concat().concat();
            for changed in [lost, repeated] {
                let _ = publishing(&changed);
                let _ = watching(&changed);
            }
        }
    }
}

/// Not a fuzzer: a fixed sequence of single-byte changes, so that a failure comes back.
#[test]
fn any_byte_may_be_another() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for offer in short() {
        for index in 0..offer.len() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut bytes = offer.as_bytes().to_vec();
            bytes[index] = (state >> 57) as u8;
            let changed = String::from_utf8(bytes).unwrap();
            let _ = publish_unchecked(&changed);
        }
    }
}

/// A changed offer may contradict itself in ways that the answer has to repeat, so only the outcome
/// counts.
fn publish_unchecked(offer: &str) -> (bool, bool) {
    with_local(Default::default(), |local| {
        let published = relay_transport::sdp::publish(offer, local).is_ok();
        let watched = relay_transport::sdp::watch(offer, local, &PLAN, || 7).is_ok();
        (published, watched)
    })
}

#[test]
fn nothing_binary_and_endless_text_are_malformed() {
    assert_eq!(malformed(""), Malformed::Empty);
    assert_eq!(malformed("\r\n \r\n"), Malformed::Empty);
    assert_eq!(malformed("\0\u{1}\u{2}"), Malformed::ControlCharacter);
    assert_eq!(
        malformed(&String::from_utf8_lossy(&[0xff, 0xfe, 0x80, 0x41])),
        Malformed::Syntax("SdpInvalidSyntax: \u{fffd}\u{fffd}\u{fffd}A".to_owned())
    );
    assert_eq!(malformed(&"v".repeat(65_537)), Malformed::TooLong(65_537));
    assert!(matches!(
        malformed("{\"type\":\"offer\"}"),
        Malformed::Syntax(_)
    ));
    assert_eq!(
        malformed("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"),
        Malformed::NoSection
    );
}

#[test]
fn a_lone_carriage_return_cannot_begin_a_line_of_the_answer() {
    let offer = OBS_WHIP.replace(
        "packetization-mode=1;",
        "packetization-mode=1;x\ra=ice-ufrag:evil",
    );
    assert_eq!(malformed(&offer), Malformed::ControlCharacter);
}

#[test]
fn a_thousand_lines_are_too_many() {
    let head = OBS_WHIP.split("m=audio").next().unwrap();
    let line = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";
    assert_eq!(
        malformed(&(head.to_owned() + &line.repeat(1_000))),
        Malformed::TooManySections(1_000)
    );
    assert_eq!(
        malformed(&(head.to_owned() + &line.repeat(64))),
        Malformed::Mid(1)
    );
}

#[test]
fn mids_are_there_once_each() {
    assert_eq!(
        malformed(&OBS_WHIP.replace("a=mid:1", "a=mid:0")),
        Malformed::DuplicateMid("0".to_owned())
    );
    assert_eq!(
        malformed(&OBS_WHIP.replace("a=mid:1\r\n", "")),
        Malformed::Mid(2)
    );
    assert_eq!(
        malformed(&OBS_WHIP.replace("a=mid:1", "a=mid:one two")),
        Malformed::Mid(2)
    );
    assert_eq!(
        malformed(&OBS_WHIP.replace("a=mid:1", &format!("a=mid:{}", "x".repeat(65)))),
        Malformed::Mid(2)
    );
}

#[test]
fn a_contradictory_bundle_group_is_malformed() {
    let group = |members: &str| OBS_WHIP.replace("BUNDLE 0 1", &format!("BUNDLE {members}"));
    assert_eq!(
        malformed(&group("0 1 2")),
        Malformed::Bundle("2".to_owned())
    );
    assert_eq!(
        malformed(&group("0 1 0")),
        Malformed::Bundle("0".to_owned())
    );
    assert_eq!(unacceptable(&group("")), Unacceptable::NotBundled);
}

#[test]
fn the_transport_must_be_complete() {
    let without = |key: &str| -> String {
        CHROMIUM_PUBLISH
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with(key))
            .collect()
    };
    assert_eq!(
        malformed(&without("a=ice-ufrag")),
        Malformed::IceCredentials
    );
    assert_eq!(malformed(&without("a=ice-pwd")), Malformed::IceCredentials);
    assert_eq!(
        malformed(&CHROMIUM_PUBLISH.replace("rEmO", "rE")),
        Malformed::IceCredentials
    );
    assert_eq!(
        malformed(&CHROMIUM_PUBLISH.replace("rEmO", "r:mO")),
        Malformed::IceCredentials
    );
    assert_eq!(malformed(&without("a=fingerprint")), Malformed::Fingerprint);
    assert_eq!(
        malformed(&CHROMIUM_PUBLISH.replace("sha-256 00:", "sha-256 ")),
        Malformed::Fingerprint
    );
    assert_eq!(
        unacceptable(&CHROMIUM_PUBLISH.replace("sha-256", "sha-1")),
        Unacceptable::Hash("sha-1".to_owned())
    );
    assert_eq!(
        unacceptable(&without("a=rtcp-mux")),
        Unacceptable::RtcpMux("0".to_owned())
    );
    assert_eq!(
        unacceptable(&CHROMIUM_PUBLISH.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n")),
        Unacceptable::IceLite
    );
    assert!(publishing(&without("a=setup")).is_ok(), "RFC 4145: active");
}

#[test]
fn somebody_has_to_begin_the_handshake() {
    let setup = |role: &str| OBS_WHIP.replace("setup:actpass", &format!("setup:{role}"));
    assert!(publishing(&setup("active")).is_ok());
    assert_eq!(
        unacceptable(&setup("passive")),
        Unacceptable::Setup("passive".to_owned())
    );
    assert_eq!(
        unacceptable(&setup("holdconn")),
        Unacceptable::Setup("holdconn".to_owned())
    );
    assert_eq!(
        malformed(&setup("both")),
        Malformed::Setup("both".to_owned())
    );
}

#[test]
fn unsupported_codecs_and_transports_are_named() {
    let head = CHROMIUM_PUBLISH
        .split("a=rtpmap:")
        .next()
        .unwrap()
        .replace("BUNDLE 0 1", "BUNDLE 0");
    let offer = head.clone() + "a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n";
    assert_eq!(
        unacceptable(&offer),
        Unacceptable::NoCodec("G722, PCMU".to_owned())
    );
    let offer = OBS_WHIP.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    assert_eq!(
        unacceptable(&offer),
        Unacceptable::NoCodec("audio over RTP/AVP, video over RTP/AVP".to_owned())
    );
}

#[test]
fn one_unreadable_codec_does_not_spoil_the_others() {
    let offer = CHROMIUM_PUBLISH.replace("profile-level-id=42001f", "profile-level-id=+2001f");
    let published = publishing(&offer).unwrap();
    assert_eq!(published.tracks[1].codecs[0].payload_type, 108);
    let offer = CHROMIUM_PUBLISH.replace("a=rtpmap:102 H264/90000", "a=rtpmap:102 H264/0");
    assert_eq!(
        publishing(&offer).unwrap().tracks[1].codecs[0].payload_type,
        108
    );
}

#[test]
fn payload_types_that_look_like_rtcp_are_left_out() {
    let offer = OBS_WHIP.replace("SAVPF 96", "SAVPF 72 96").replace(
        "a=rtpmap:96 H264/90000",
        "a=rtpmap:72 H264/90000\r\na=rtpmap:96 H264/90000",
    );
    let published = publishing(&offer).unwrap();
    assert_eq!(published.tracks[1].codecs.len(), 1);
    assert_eq!(published.tracks[1].codecs[0].payload_type, 96);
}

#[test]
fn refusals_are_sentences_without_the_clients_whole_text() {
    let long = "x".repeat(10_000);
    for offer in [
        format!("v={long}"),
        OBS_WHIP.replace("setup:actpass", &format!("setup:{long}")),
        OBS_WHIP.replace("BUNDLE 0 1", &format!("BUNDLE {long}")),
    ] {
        let sentence = refusal(&offer).to_string();
        assert!(sentence.contains("offer") || sentence.contains("BUNDLE"));
        assert!(sentence.len() < 250, "{sentence}");
    }
}
