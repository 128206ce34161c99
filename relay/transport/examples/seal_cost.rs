//! What sealing and opening one 1,200 B packet costs on one core, the best of several runs:
//! `cargo run --release -p relay-transport --example seal_cost`.

use std::hint::black_box;
use std::time::Instant;

use relay_transport::srtp::{KeyingError, MasterKeys, Opener, Profile, Sealer};

/// RTP packet without what sealing adds, bytes.
const PACKET_LEN: usize = 1_184;
const HEADER_LEN: usize = 12;

/// Packets per run; less than a roll-over, so that the index is the sequence number.
const PACKETS: usize = 60_000;
const RUNS: usize = 15;

fn main() -> Result<(), KeyingError> {
    for (profile, salt_len) in [(Profile::AeadAes128Gcm, 12), (Profile::Aes128CmSha1_80, 14)] {
        let master = MasterKeys::new(profile, &[7; 16], &[9; 14][..salt_len])?;
        let (mut seal, mut open) = (u128::MAX, u128::MAX);
        for _ in 0..RUNS {
            let (sealed, opened) = run(&master)?;
            (seal, open) = (seal.min(sealed), open.min(opened));
        }
        let profile = profile.as_str();
        println!("{profile:<18} seal {seal:>5} ns/packet, open {open:>5} ns/packet");
    }
    Ok(())
}

/// Nanoseconds per packet to seal and to open. Packets lie behind one another, as in a send buffer.
fn run(master: &MasterKeys) -> Result<(u128, u128), KeyingError> {
    let (sealer, mut opener) = (Sealer::new(master)?, Opener::new(master)?);
    let len = PACKET_LEN + sealer.overhead();
    let mut buffer = vec![0_u8; PACKETS * len];
    for (sequence, packet) in (0_u16..).zip(buffer.chunks_exact_mut(len)) {
        packet[0] = 0x80;
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    }

    let start = Instant::now();
    for packet in buffer.chunks_exact_mut(len) {
        let sealed = sealer.seal_rtp(black_box(packet), HEADER_LEN, 0);
        assert!(sealed.is_ok());
    }
    let seal = start.elapsed();

    let start = Instant::now();
    for packet in buffer.chunks_exact_mut(len) {
        assert!(opener.open_rtp(black_box(packet)).is_ok());
    }
    let open = start.elapsed();
    let per_packet = |time: std::time::Duration| time.as_nanos() / PACKETS as u128;
    Ok((per_packet(seal), per_packet(open)))
}
