//! Which track and layer a packet belongs to, and what a new SSRC is.

use std::time::Instant;

use relay_core::ingest::{Incoming, Receiver};
use relay_core::keyframe::KeyframeRequest;
use relay_core::packet::Space;
use relay_core::rtp::View;

use super::layers::Layer;
use super::{Line, Publisher, Source, Use, payload_format};
use crate::worker::track::MAX_SPACES as MAX_SOURCES;

/// Media SSRCs a publisher may come with, however often: the spaces of its numbers are told apart by 16 bits.
const MAX_SPACES: u64 = 0xFFFF;

impl Publisher {
    /// Finds the source of a packet, or makes one for a new SSRC, and unwraps retransmissions.
    pub(super) fn route<'a>(
        &mut self,
        now: Instant,
        view: View<'a>,
    ) -> Option<(usize, Incoming<'a>)> {
        let of = match self.by_ssrc.get(&view.ssrc) {
            Some(Use::Media) => view.ssrc,
            Some(Use::Repair { of }) => *of,
            None => self.learn(now, &view)?,
        };
        let at = self.sources.iter().position(|source| source.ssrc == of)?;
        let codecs = &self.tracks[self.sources[at].line].published.codecs;
        let incoming = match codecs
            .iter()
            .find(|codec| codec.rtx == Some(view.payload_type))
        {
            Some(codec) => Incoming::retransmission(view, codec.payload_type)?,
            None if of == view.ssrc => Incoming::media(view),
            None => return None,
        };
        Some((at, incoming))
    }

    /// Finds out what a new SSRC is: announced in SDP, or told by header extensions (RFC 8852, RFC 9143), or by its payload type.
    /// Returns the media SSRC.
    fn learn(&mut self, now: Instant, view: &View<'_>) -> Option<u32> {
        let line = self.line_of(view)?;
        let track = &self.tracks[line];
        let extension = |id: Option<u8>| {
            let id = id?;
            view.extensions()
                .find(|(other, _)| *other == id)
                .map(|(_, value)| value.to_vec())
        };
        let extensions = track.published.extensions;
        let is_repair = track
            .published
            .codecs
            .iter()
            .any(|codec| codec.rtx == Some(view.payload_type));
        if is_repair {
            let rid = extension(extensions.repaired_rid);
            let announced = track
                .published
                .rtx_of
                .iter()
                .find(|(_, rtx)| *rtx == view.ssrc)
                .map(|(media, _)| *media);
            let candidates = self
                .sources
                .iter()
                .rev()
                .filter(|source| source.line == line);
            let of = announced.or_else(|| {
                candidates
                    .filter(|source| track.layers[usize::from(source.layer)].rid == rid)
                    .map(|s| s.ssrc)
                    .next()
            })?;
            self.by_ssrc.insert(view.ssrc, Use::Repair { of });
            return Some(of);
        }
        payload_format(&track.published.codecs, view.payload_type)?;
        let rid = extension(extensions.rid);
        self.add_source(now, view.ssrc, line, rid)
    }

    fn line_of(&self, view: &View<'_>) -> Option<usize> {
        let named = |line: &Line| {
            line.published.extensions.mid.is_some_and(|id| {
                view.extensions()
                    .any(|(other, mid)| other == id && mid == line.published.mid.as_bytes())
            })
        };
        let announced = |line: &Line| {
            line.published.ssrcs.contains(&view.ssrc)
                || line
                    .published
                    .rtx_of
                    .iter()
                    .any(|(_, rtx)| *rtx == view.ssrc)
        };
        let speaks = |line: &Line| {
            let codecs = &line.published.codecs;
            codecs.iter().any(|codec| {
                codec.payload_type == view.payload_type || codec.rtx == Some(view.payload_type)
            })
        };
        let find = |test: &dyn Fn(&Line) -> bool| self.tracks.iter().position(test);
        find(&announced)
            .or_else(|| find(&named))
            .or_else(|| find(&speaks))
    }

    /// A source goes together with its layer of the [track](crate::worker::track::Track), the oldest first, and never comes
    /// back under the same space: nothing else remembers which numbers of the space were forwarded.
    fn add_source(
        &mut self,
        now: Instant,
        ssrc: u32,
        line: usize,
        rid: Option<Vec<u8>>,
    ) -> Option<u32> {
        if self.spaces == MAX_SPACES {
            return None;
        }
        let layer = Layer::place(&mut self.tracks[line].layers, now, rid)?;
        let of_line = |source: &Source| source.line == line;
        if self.sources.iter().filter(|source| of_line(source)).count() == MAX_SOURCES
            && let Some(oldest) = self.sources.iter().position(of_line)
        {
            let oldest = self.sources.remove(oldest).ssrc;
            self.by_ssrc.retain(|ssrc, other| {
                *ssrc != oldest && !matches!(other, Use::Repair { of } if *of == oldest)
            });
        }
        self.spaces += 1;
        let space = Space(self.key.0 << 16 | self.spaces);
        self.tracks[line].layers[usize::from(layer)].comes(now, ssrc);
        self.by_ssrc.insert(ssrc, Use::Media);
        self.sources.push(Source {
            ssrc,
            line,
            layer,
            receiver: Receiver::new(space, layer),
            keyframe: KeyframeRequest::default(),
            clock: None,
        });
        Some(ssrc)
    }
}
