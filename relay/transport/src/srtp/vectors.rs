//! Known-answer tests of the RFCs.

use super::gcm::Gcm;
use super::suite::Suite;

/// Bytes written in hexadecimal, white space ignored.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn gcm() -> Suite {
    let key = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
    let salt = hex("517569642070726f2071756f").try_into().unwrap();
    Suite::Gcm(Gcm::new(&key, salt).unwrap())
}

/// RFC 7714 §16.1.1.
#[test]
fn gcm_seals_rtp_as_the_rfc_does() {
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120
         696e2070 61727465 73207472 6573",
    );
    let sealed = hex(
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f
         42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
    let mut packet = plain.clone();
    packet.resize(plain.len() + 16, 0xAA);
    gcm()
        .seal_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b)
        .unwrap();
    assert_eq!(packet, sealed);
    gcm()
        .open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b)
        .unwrap();
    assert_eq!(packet[..plain.len()], plain);
}

/// RFC 7714 §17.1.
#[test]
fn gcm_seals_rtcp_as_the_rfc_does() {
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef
         deadbeef deadbeef deadbeef deadbeef",
    );
    let sealed = hex(
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
         730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
    );
    let mut packet = gcm().seal_rtcp(&plain, 0x4d61_7273, 0x5d4).unwrap();
    assert_eq!(packet, sealed);
    let word = gcm().rtcp_word(&packet).unwrap();
    gcm().open_rtcp(&mut packet, 0x4d61_7273, word).unwrap();
    assert_eq!(packet[..plain.len()], plain);
}
