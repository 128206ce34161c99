//! AES-128-GCM as SRTP uses it (RFC 7714), and nothing else.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::publisher::packer::HEADER_BYTES;

/// Bytes that sealing adds.
pub const TAG_BYTES: usize = 16;

/// One destination's key and packet counter.
pub struct Sealer {
    key: LessSafeKey,
    plain: Vec<u8>,
    index: u64,
}

impl Sealer {
    /// A key made of `index`.
    pub fn new(index: usize) -> Option<Self> {
        let key = UnboundKey::new(&AES_128_GCM, &[index as u8; 16]).ok()?;
        Some(Self {
            key: LessSafeKey::new(key),
            plain: vec![0xa5; 2048],
            index: 0,
        })
    }

    /// Appends a packet of `size` bytes, header included, and its tag.
    pub fn seal(&mut self, size: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.plain[..size]);
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.index.to_be_bytes());
        self.index += 1;
        out[start + 2..start + 4].copy_from_slice(&(self.index as u16).to_be_bytes());
        let (header, payload) = out[start..].split_at_mut(HEADER_BYTES);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&*header),
                payload,
            )
            .expect("a packet is far shorter than the limit of the cipher");
        out.extend_from_slice(tag.as_ref());
    }
}
