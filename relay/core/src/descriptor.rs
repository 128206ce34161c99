//! Picture numbers in payload descriptors, which have to go on without a gap when a slot changes its source.
//!
//! H.264, H.265 and Opus have none; AV1's are in a header extension that viewers are not offered.

use crate::codec::Format;

/// Where a payload numbers its picture, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Descriptor {
    picture: Option<PictureId>,
    /// Offset and value of TL0PICIDX.
    base: Option<(u8, u8)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PictureId {
    at: u8,
    value: u16,
    /// 15 bits rather than 7.
    is_wide: bool,
}

/// What is added to the numbers of one source so that they continue those of the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shift {
    picture: u16,
    base: u8,
}

/// The numbers that a viewer saw last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shown {
    picture: Option<u16>,
    base: Option<u8>,
}

impl Descriptor {
    /// Reads a payload; what is not well-formed numbers nothing.
    pub fn read(format: Format, payload: &[u8]) -> Self {
        let read = match format {
            Format::Vp8 => vp8(payload),
            Format::Vp9 => vp9(payload),
            _ => None,
        };
        read.unwrap_or_default()
    }

    /// Writes the shifted numbers over those in `payload`, a copy of what was [read](Self::read).
    pub fn write(&self, shift: Shift, payload: &mut [u8]) {
        if let Some(picture) = self.picture {
            let at = usize::from(picture.at);
            let shifted = picture.value.wrapping_add(shift.picture);
            if picture.is_wide {
                let number = 0x8000 | shifted & 0x7FFF;
                payload[at..at + 2].copy_from_slice(&number.to_be_bytes());
            } else {
                payload[at] = shifted as u8 & 0x7F;
            }
        }
        if let Some((at, value)) = self.base {
            payload[usize::from(at)] = value.wrapping_add(shift.base);
        }
    }

    /// Whether [`write`](Self::write) changes anything.
    pub fn is_empty(&self) -> bool {
        self.picture.is_none() && self.base.is_none()
    }
}

impl Shift {
    /// Lets a source that begins with `first` go on where `shown` ended.
    pub fn following(shown: Shown, first: &Descriptor) -> Self {
        let picture = first.picture.zip(shown.picture);
        let base = first.base.zip(shown.base);
        Self {
            picture: picture.map_or(0, |(first, shown)| {
                shown.wrapping_add(1).wrapping_sub(first.value)
            }),
            base: base.map_or(0, |((_, first), shown)| {
                shown.wrapping_add(1).wrapping_sub(first)
            }),
        }
    }
}

impl Shown {
    /// The numbers as they leave under `shift`.
    pub fn note(&mut self, descriptor: &Descriptor, shift: Shift) {
        if let Some(picture) = descriptor.picture {
            self.picture = Some(picture.value.wrapping_add(shift.picture));
        }
        if let Some((_, base)) = descriptor.base {
            self.base = Some(base.wrapping_add(shift.base));
        }
    }
}

/// RFC 7741 §4.2.
fn vp8(payload: &[u8]) -> Option<Descriptor> {
    let mut descriptor = Descriptor::default();
    if payload.first()? & 0x80 == 0 {
        return Some(descriptor);
    }
    let extended = *payload.get(1)?;
    let mut at = 2;
    if extended & 0x80 != 0 {
        at = descriptor.take_picture(payload, at)?;
    }
    if extended & 0x40 != 0 {
        descriptor.base = Some((at, *payload.get(usize::from(at))?));
    }
    Some(descriptor)
}

/// RFC 9628 §4.2. TL0PICIDX is there in non-flexible mode with layer indices.
fn vp9(payload: &[u8]) -> Option<Descriptor> {
    let mut descriptor = Descriptor::default();
    let first = *payload.first()?;
    let (has_picture, has_layers, is_flexible) =
        (first & 0x80 != 0, first & 0x20 != 0, first & 0x10 != 0);
    let mut at = 1;
    if has_picture {
        at = descriptor.take_picture(payload, at)?;
    }
    if has_layers && !is_flexible {
        descriptor.base = Some((at + 1, *payload.get(usize::from(at) + 1)?));
    }
    Some(descriptor)
}

impl Descriptor {
    /// Returns what follows the picture number.
    fn take_picture(&mut self, payload: &[u8], at: u8) -> Option<u8> {
        let first = *payload.get(usize::from(at))?;
        let is_wide = first & 0x80 != 0;
        let value = match is_wide {
            true => u16::from_be_bytes([first & 0x7F, *payload.get(usize::from(at) + 1)?]),
            false => u16::from(first),
        };
        self.picture = Some(PictureId { at, value, is_wide });
        Some(at + 1 + u8::from(is_wide))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shifted(format: Format, payload: &[u8], shift: Shift) -> Vec<u8> {
        let mut copy = payload.to_vec();
        Descriptor::read(format, payload).write(shift, &mut copy);
        copy
    }

    #[test]
    fn vp8_pictures_go_on_from_another_source() {
        // X; I and L; 15-bit picture 0x7FFE; TL0PICIDX 9.
        let before = [0x90, 0xC0, 0xFF, 0xFE, 9, 0xAA];
        let after = [0x90, 0xC0, 0x81, 0x00, 200, 0xBB];
        let mut shown = Shown::default();
        let first = Descriptor::read(Format::Vp8, &before);
        shown.note(&first, Shift::default());
        let shift = Shift::following(shown, &Descriptor::read(Format::Vp8, &after));
        assert_eq!(
            shifted(Format::Vp8, &after, shift),
            [0x90, 0xC0, 0xFF, 0xFF, 10, 0xBB]
        );
        let next = [0x90, 0xC0, 0x81, 0x01, 201, 0xBB];
        assert_eq!(
            shifted(Format::Vp8, &next, shift),
            [0x90, 0xC0, 0x80, 0x00, 11, 0xBB],
            "picture numbers wrap at 15 bits"
        );
    }

    #[test]
    fn short_numbers_wrap_at_seven_bits() {
        let payload = [0x90, 0x80, 0x7F, 0xAA];
        let shift = Shift {
            picture: 2,
            base: 0,
        };
        assert_eq!(shifted(Format::Vp8, &payload, shift), [0x90, 0x80, 1, 0xAA]);
    }

    #[test]
    fn vp9_has_a_base_number_only_in_non_flexible_mode() {
        let shift = Shift {
            picture: 1,
            base: 1,
        };
        // I and L: picture, layer indices, TL0PICIDX.
        let fixed = [0xA0, 0x05, 0x20, 7, 0xAA];
        assert_eq!(
            shifted(Format::Vp9, &fixed, shift),
            [0xA0, 0x06, 0x20, 8, 0xAA]
        );
        let flexible = [0xB0, 0x05, 0x20, 7, 0xAA];
        assert_eq!(
            shifted(Format::Vp9, &flexible, shift),
            [0xB0, 0x06, 0x20, 7, 0xAA]
        );
    }

    #[test]
    fn other_codecs_and_garbage_number_nothing() {
        assert!(Descriptor::read(Format::H264, &[0x90, 0xC0, 0xFF, 0xFE, 9]).is_empty());
        for format in [Format::Vp8, Format::Vp9] {
            for len in 0..5 {
                for first in 0..=255 {
                    let payload: Vec<u8> = [first, 0xFF, 0xFF, 0xFF, 0xFF][..len].to_vec();
                    shifted(format, &payload, Shift::default());
                }
            }
        }
    }
}
