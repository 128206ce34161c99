//! The floor: what sealing and sending a lesson's packets costs when nothing else is done.
//!
//! The same frames, packet sizes, destinations and timing as a lesson; AES-128-GCM with a key per destination; each frame sent
//! to each destination in as few GSO calls as its packet sizes allow. The receivers are of the viewers' kind and live in
//! another process, so that only sealing and sending are measured.

mod sealer;
pub mod sink;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use serde::{Deserialize, Serialize};

use crate::cost::{CostError, Process};
use crate::publisher::h264::{AccessUnit, Cut};
use crate::publisher::mark;
use crate::publisher::packer::{HEADER_BYTES, MTU};
use crate::publisher::pattern::{FRAME_RATE, Pattern};
use sealer::{Sealer, TAG_BYTES};

/// Between audio packets.
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
/// Bytes of an audio packet before it is sealed.
const AUDIO_BYTES: usize = HEADER_BYTES + 160;
/// Bytes of one GSO call: the largest UDP payload.
const MAX_RUN_BYTES: usize = 65_507;
/// Frames prepared in advance: one keyframe interval.
const FRAMES: usize = 60;

/// How packets are handed to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Send {
    /// Runs of equal packets in one call.
    Gso,
    /// One call per packet.
    Sendto,
}

/// What was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Floor {
    /// How packets were sent.
    pub send: Send,
    /// Destinations.
    pub viewers: usize,
    /// Packets sent to all of them.
    pub packets: u64,
    /// CPU time per packet.
    pub ns_per_packet: f64,
    /// Calls the kernel refused.
    pub send_errors: u64,
}

/// Why the floor could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// Sockets.
    #[error("the floor has no socket: {0}")]
    Socket(#[from] io::Error),
    /// The clock.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// Keys.
    #[error("aes-128-gcm is unavailable")]
    Cipher,
}

/// Seals and sends a lesson to `destinations`, and measures this process meanwhile.
pub fn measure(
    destinations: &[SocketAddr],
    mbit: f64,
    duration: Duration,
    send: Send,
) -> Result<Floor, FloorError> {
    let process = Process::of(std::process::id())?;
    let frames = frames(mbit);
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut sender = Sender {
        state: UdpSocketState::new((&socket).into())?,
        socket,
        send,
        run: Vec::new(),
        errors: 0,
    };
    let _ = sender
        .state
        .set_send_buffer_size((&sender.socket).into(), 4 << 20);
    // A receiver that lags shall not turn into refused calls: its own kernel queue drops instead.
    sender.socket.set_nonblocking(false)?;
    let mut sealers = Vec::with_capacity(destinations.len());
    for (index, destination) in destinations.iter().enumerate() {
        sealers.push((*destination, Sealer::new(index).ok_or(FloorError::Cipher)?));
    }
    let mut packets = 0;
    let start = Instant::now();
    let before = process.cpu_time()?;
    let (mut frame, mut sound) = (0_u32, 0_u32);
    loop {
        let frame_due = start + Duration::from_secs(1) * frame / FRAME_RATE;
        let sound_due = start + AUDIO_INTERVAL * sound;
        let due = frame_due.min(sound_due);
        if due >= start + duration {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let sizes: &[usize] = if sound_due <= frame_due {
            sound += 1;
            &[AUDIO_BYTES]
        } else {
            frame += 1;
            &frames[(frame as usize - 1) % FRAMES]
        };
        for (destination, sealer) in &mut sealers {
            sender.deliver(*destination, sealer, sizes);
        }
        packets += (sizes.len() * sealers.len()) as u64;
    }
    let cpu = process.cpu_time()? - before;
    Ok(Floor {
        send,
        viewers: destinations.len(),
        packets,
        ns_per_packet: cpu.as_nanos() as f64 / packets.max(1) as f64,
        send_errors: sender.errors,
    })
}

/// The packet sizes, before sealing, of the frames a bursting publisher sends.
fn frames(mbit: f64) -> Vec<Vec<usize>> {
    let mut pattern = Pattern::new(mbit);
    let sizes = |_| {
        let frame = pattern.next_frame();
        let picture = AccessUnit::synthetic(frame.size, frame.keyframe, mark::PLAIN);
        let payloads = picture.payloads(MTU - HEADER_BYTES, Cut::FullThenRest);
        payloads
            .iter()
            .map(|payload| payload.len() + HEADER_BYTES)
            .collect()
    };
    (0..FRAMES).map(sizes).collect()
}

struct Sender {
    socket: UdpSocket,
    state: UdpSocketState,
    send: Send,
    run: Vec<u8>,
    errors: u64,
}

impl Sender {
    /// Seals packets of these sizes and sends them: runs of equal size, of which the last may be shorter.
    fn deliver(&mut self, to: SocketAddr, sealer: &mut Sealer, sizes: &[usize]) {
        let mut first = 0;
        while first < sizes.len() {
            let size = sizes[first];
            let segment = size + TAG_BYTES;
            let most = match self.send {
                Send::Gso => self.state.max_gso_segments().min(MAX_RUN_BYTES / segment),
                Send::Sendto => 1,
            };
            let rest = &sizes[first..];
            let equal = rest
                .iter()
                .take(most)
                .take_while(|next| **next == size)
                .count();
            let shorter = equal < most && rest.get(equal).is_some_and(|next| *next < size);
            let count = equal + usize::from(shorter);
            self.run.clear();
            for size in &rest[..count] {
                sealer.seal(*size, &mut self.run);
            }
            self.transmit(to, segment);
            first += count;
        }
    }

    fn transmit(&mut self, to: SocketAddr, segment: usize) {
        let sent = match self.send {
            Send::Gso => {
                let transmit = Transmit {
                    destination: to,
                    ecn: None,
                    contents: &self.run,
                    segment_size: Some(segment),
                    src_ip: None,
                };
                self.state
                    .try_send(UdpSockRef::from(&self.socket), &transmit)
            }
            Send::Sendto => self.socket.send_to(&self.run, to).map(drop),
        };
        self.errors += u64::from(sent.is_err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_every_packet_of_a_frame() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sender = Sender {
            state: UdpSocketState::new((&socket).into()).unwrap(),
            socket,
            send: Send::Gso,
            run: Vec::new(),
            errors: 0,
        };
        let sizes = [38, 32, 1200, 1200, 1200, 700, 1200];
        let mut sealer = Sealer::new(0).unwrap();
        sender.deliver(receiver.local_addr().unwrap(), &mut sealer, &sizes);
        let mut buffer = [0; 2000];
        for size in sizes {
            assert_eq!(receiver.recv(&mut buffer).unwrap(), size + TAG_BYTES);
        }
        assert_eq!(sender.errors, 0);
    }

    #[test]
    fn frames_are_those_of_the_lesson() {
        let frames = frames(20.0);
        assert_eq!(frames[0][..3], [HEADER_BYTES + 10, HEADER_BYTES + 4, MTU]);
        let bytes: usize = frames.iter().flatten().sum();
        let mbit = bytes as f64 * 8.0 / 2.0 / 1e6;
        assert!((20.0..21.0).contains(&mbit), "{mbit}");
    }
}
