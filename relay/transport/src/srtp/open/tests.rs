//! Against `rtc_srtp`, an implementation of its own, in both directions and both profiles.

use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::*;
use crate::srtp::{Profile, SealError, Sealer};

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];
const KEY: [u8; 16] = *b"sixteen byte key";
const SALT: [u8; 14] = *b"fourteen bytes";

fn master(profile: Profile) -> MasterKeys {
    MasterKeys::new(profile, &KEY, &SALT[..profile.salt_len()]).unwrap()
}

fn sealer(profile: Profile) -> Sealer {
    Sealer::new(&master(profile)).unwrap()
}

fn opener(profile: Profile) -> Opener {
    Opener::new(&master(profile)).unwrap()
}

fn oracle(profile: Profile) -> Context {
    let (theirs, salt_len) = match profile {
        Profile::AeadAes128Gcm => (ProtectionProfile::AeadAes128Gcm, 12),
        Profile::Aes128CmSha1_80 => (ProtectionProfile::Aes128CmHmacSha1_80, 14),
    };
    let provider = rtc_crypto::default_provider().unwrap();
    Context::new(
        &KEY,
        &SALT[..salt_len],
        theirs,
        None,
        None,
        provider.crypto(),
    )
    .unwrap()
}

/// A packet with two contributors and a header extension: 32 bytes of header.
fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x92, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([1, 2, 3, 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([5; 8]);
    packet.extend([0xBE, 0xDE, 0, 2, 0x10, 0x41, 0x22, 1, 2, 3, 0, 0]);
    packet.extend((0..=255).cycle().take(usize::from(sequence % 1100)));
    packet
}
const HEADER_LEN: usize = 32;

fn report(ssrc: u32) -> Vec<u8> {
    let mut report = vec![0x81, 201, 0, 7];
    report.extend(ssrc.to_be_bytes());
    report.extend([7; 24]);
    report
}

fn seal(sealer: &Sealer, plain: &[u8], rollover: u32) -> Vec<u8> {
    let mut sealed = plain.to_vec();
    sealed.resize(plain.len() + sealer.overhead(), 0xEE);
    sealer.seal_rtp(&mut sealed, HEADER_LEN, rollover).unwrap();
    sealed
}

#[test]
fn what_is_sealed_here_opens_there_across_the_wrap() {
    for profile in PROFILES {
        let (sealer, mut oracle) = (sealer(profile), oracle(profile));
        for index in 65_000_u32..66_200 {
            let plain = packet(9, index as u16);
            let sealed = seal(&sealer, &plain, index >> 16);
            assert_eq!(oracle.decrypt_rtp(&sealed).unwrap()[..], plain, "{index}");
        }
    }
}

#[test]
fn what_is_sealed_there_opens_here_across_the_wrap_reordered() {
    for profile in PROFILES {
        let (mut oracle, mut opener) = (oracle(profile), opener(profile));
        let mut sent: Vec<_> = (65_000_u32..66_200)
            .map(|index| packet(9, index as u16))
            .map(|plain| (oracle.encrypt_rtp(&plain).unwrap().to_vec(), plain))
            .collect();
        for run in sent.chunks_mut(37) {
            run.reverse();
        }
        for (sealed, plain) in &mut sent {
            assert_eq!(opener.open_rtp(sealed).as_deref(), Ok(&plain[..]));
        }
    }
}

#[test]
fn a_source_is_heard_again_after_a_long_cut() {
    for profile in PROFILES {
        let (sealer, mut opener) = (sealer(profile), opener(profile));
        for index in [65_000_u32, 110_000, 110_001] {
            let plain = packet(9, index as u16);
            let mut sealed = seal(&sealer, &plain, index >> 16);
            assert_eq!(opener.open_rtp(&mut sealed).as_deref(), Ok(&plain[..]));
        }
    }
}

#[test]
fn rtcp_passes_both_ways() {
    for profile in PROFILES {
        let (mut sealer, mut opener, mut oracle) =
            (sealer(profile), opener(profile), oracle(profile));
        for _ in 0..40 {
            let sealed = sealer.seal_rtcp(&report(9)).unwrap();
            assert_eq!(oracle.decrypt_rtcp(&sealed).unwrap()[..], report(9));
            let mut sealed = oracle.encrypt_rtcp(&report(8)).unwrap().to_vec();
            assert_eq!(opener.open_rtcp(&mut sealed).as_deref(), Ok(&report(8)[..]));
        }
    }
}

#[test]
fn sealing_again_gives_the_same_bytes() {
    for profile in PROFILES {
        let sealer = sealer(profile);
        let plain = packet(9, 700);
        assert_eq!(seal(&sealer, &plain, 3), seal(&sealer, &plain, 3));
        assert_ne!(seal(&sealer, &plain, 3), seal(&sealer, &plain, 4));
    }
}

#[test]
fn replays_are_told_from_forgeries_and_neither_leaves_a_trace() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = (sealer(profile), opener(profile));
        let sealed = seal(&sealer, &packet(9, 500), 0);
        let report = sealer.seal_rtcp(&report(9)).unwrap();
        for byte in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[byte] ^= 1;
            assert!(opener.open_rtp(&mut forged).is_err(), "byte {byte}");
        }
        for byte in 0..report.len() {
            let mut forged = report.clone();
            forged[byte] ^= 1;
            assert!(opener.open_rtcp(&mut forged).is_err(), "byte {byte}");
        }
        assert!(opener.rtp_sources.windows.is_empty());
        assert!(opener.rtcp_sources.windows.is_empty());

        assert!(opener.open_rtp(&mut sealed.clone()).is_ok());
        assert_eq!(opener.open_rtp(&mut sealed.clone()), Err(Discard::Replayed));
        assert!(opener.open_rtcp(&mut report.clone()).is_ok());
        assert_eq!(
            opener.open_rtcp(&mut report.clone()),
            Err(Discard::Replayed)
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = (sealer(profile), opener(profile));
        let sealed = seal(&sealer, &packet(9, 100), 0);
        let report = sealer.seal_rtcp(&report(9)).unwrap();
        for length in 0..sealed.len() {
            assert!(opener.open_rtp(&mut sealed[..length].to_vec()).is_err());
        }
        for length in 0..report.len() {
            assert!(opener.open_rtcp(&mut report[..length].to_vec()).is_err());
        }
    }
}

#[test]
fn sources_are_bounded_and_the_known_ones_go_on() {
    let profile = Profile::AeadAes128Gcm;
    let (sealer, mut opener) = (sealer(profile), opener(profile));
    for ssrc in 0..MAX_SOURCES as u32 {
        assert!(
            opener
                .open_rtp(&mut seal(&sealer, &packet(ssrc, 1), 0))
                .is_ok()
        );
    }
    assert_eq!(
        opener.open_rtp(&mut seal(&sealer, &packet(1000, 1), 0)),
        Err(Discard::TooManySources)
    );
    assert!(
        opener
            .open_rtp(&mut seal(&sealer, &packet(3, 2), 0))
            .is_ok()
    );
}

#[test]
fn what_cannot_be_sealed_is_an_error() {
    for profile in PROFILES {
        let mut sealer = sealer(profile);
        let mut short = packet(9, 0);
        assert_eq!(
            sealer.seal_rtp(&mut short, HEADER_LEN, 0),
            Err(SealError::TooShort)
        );
        assert_eq!(sealer.seal_rtp(&mut [], 12, 0), Err(SealError::TooShort));
        assert_eq!(
            sealer.seal_rtp(&mut [0; 100], 11, 0),
            Err(SealError::TooShort)
        );
        assert_eq!(sealer.seal_rtcp(&[0x80; 7]), Err(SealError::TooShort));
    }
}

#[test]
fn the_last_rtcp_index_is_used_once() {
    for profile in PROFILES {
        let mut sealer = sealer(profile).with_rtcp_index(RTCP_ENCRYPTED - 1);
        let mut last = sealer.seal_rtcp(&report(9)).unwrap();
        assert!(opener(profile).open_rtcp(&mut last).is_ok());
        assert_eq!(sealer.seal_rtcp(&report(9)), Err(SealError::IndexExhausted));
    }
}
