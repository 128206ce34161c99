//! The watcher's place in the library's chain of interceptors. Packets are taken here, on the driver's own task, instead of
//! from the library's tracks: those queue 256 packets and drop the rest, which is half a 4K keyframe.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rtc::interceptor::{AttributedPacket, Interceptor, Packet, Slot, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use webrtc::error::Error;

use super::incoming::Incoming;
use crate::answer::Answer;

/// Next to the application, so that the library's reports have seen what is taken out here.
pub(super) const SLOT: Slot = Slot::Custom(13_500);

pub(super) struct Receiver {
    incoming: Arc<Mutex<Incoming>>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

/// The way to tell a receiver its answer.
pub(super) struct Negotiation(Arc<Mutex<Incoming>>);

impl Negotiation {
    pub(super) fn agree(&self, answer: &Answer) -> Result<(), &'static str> {
        lock(&self.0).agree(answer)
    }
}

impl Receiver {
    pub(super) fn new(incoming: Incoming) -> (Self, Negotiation) {
        let incoming = Arc::new(Mutex::new(incoming));
        let negotiation = Negotiation(incoming.clone());
        (
            Self {
                incoming,
                reads: VecDeque::new(),
                writes: VecDeque::new(),
            },
            negotiation,
        )
    }
}

fn lock(incoming: &Mutex<Incoming>) -> MutexGuard<'_, Incoming> {
    incoming.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Receiver {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        match packet.message.packet {
            Packet::Rtp(rtp) => lock(&self.incoming).receive(packet.now, rtp),
            Packet::Rtcp(ref packets) => {
                lock(&self.incoming).control(packets);
                self.reads.push_back(packet);
            }
            _ => self.reads.push_back(packet),
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.writes.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let mut incoming = lock(&self.incoming);
        if now < incoming.deadline() {
            return Ok(());
        }
        for feedback in incoming.advance(now) {
            self.writes.push_back(TaggedPacket {
                now,
                transport: TransportContext::default(),
                message: AttributedPacket::new(Packet::Rtcp(vec![feedback])),
            });
        }
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        Some(lock(&self.incoming).deadline())
    }
}

impl Interceptor for Receiver {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
