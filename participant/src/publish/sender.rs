//! The publisher's place in the library's chain of interceptors. Packets enter here instead of through the library's tracks:
//! one wake per 5 ms instead of one per packet, and runs that the driver can send with one call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rtc::interceptor::{AttributedPacket, Interceptor, Packet, Slot, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use webrtc::error::Error;

use super::outgoing::Outgoing;
use super::pace::STEP;
use super::{Event, Shared, feedback};
use crate::answer::Answer;
use crate::mailbox::Post;

/// Next to the application, so that everything written passes the retransmission history.
pub(super) const SLOT: Slot = Slot::Custom(13_500);

pub(super) struct Sender {
    outgoing: Arc<Mutex<Outgoing>>,
    shared: Arc<Shared>,
    post: Post<Event>,
    next_step: Instant,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

/// The way to tell a sender its answer.
pub(super) struct Negotiation(Arc<Mutex<Outgoing>>);

impl Negotiation {
    /// Returns the layers of the video that the other side takes.
    pub(super) fn agree(&self, now: Instant, answer: &Answer) -> Result<Vec<usize>, &'static str> {
        let mut outgoing = lock(&self.0);
        outgoing.agree(now, answer)?;
        Ok(outgoing.taken())
    }
}

impl Sender {
    pub(super) fn new(
        now: Instant,
        outgoing: Outgoing,
        shared: Arc<Shared>,
        post: Post<Event>,
    ) -> (Self, Negotiation) {
        let outgoing = Arc::new(Mutex::new(outgoing));
        let negotiation = Negotiation(outgoing.clone());
        let sender = Self {
            outgoing,
            shared,
            post,
            next_step: now,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
        };
        (sender, negotiation)
    }
}

fn lock(outgoing: &Mutex<Outgoing>) -> MutexGuard<'_, Outgoing> {
    outgoing.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Sender {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &packet.message.packet {
            let mut outgoing = lock(&self.outgoing);
            let mut tally = self.shared.tally();
            let asked = feedback::read(packets, outgoing.wall_now(), &mut tally, |ssrc| {
                outgoing.layer(ssrc)
            });
            outgoing.hear(packet.now, packets, tally.total.round_trip);
            for layer in asked {
                self.post.notice(Event::KeyframeRequested { layer });
            }
        }
        self.reads.push_back(packet);
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
        if now < self.next_step {
            return Ok(());
        }
        self.next_step = now + STEP;
        let (output, target) = {
            let mut outgoing = lock(&self.outgoing);
            let output = outgoing.step(now, &mut self.shared.tally());
            (output, outgoing.target())
        };
        self.shared.line_carries(target);
        for layer in output.overflowed {
            self.post.notice(Event::KeyframeRequested { layer });
        }
        let rtp = output.rtp.into_iter().map(Packet::Rtp);
        let rtcp = output.rtcp.into_iter().map(Packet::Rtcp);
        self.writes
            .extend(rtp.chain(rtcp).map(|packet| TaggedPacket {
                now,
                transport: TransportContext::default(),
                message: AttributedPacket::new(packet),
            }));
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        Some(self.next_step)
    }
}

impl Interceptor for Sender {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
