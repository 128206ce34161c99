//! Datagrams on a TCP connection: each behind its length in two bytes (RFC 4571 §2, RFC 6544 §10.1).

/// Longest datagram a frame may hold: what fits any path over UDP, with room to spare.
pub const MAX_FRAME: usize = 2_048;

/// A frame longer than [`MAX_FRAME`]: the client does not speak this, and where the next frame begins is anyone's guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes, more than any datagram has")]
pub struct TooLong(pub usize);

/// The length of the datagram that follows `header`.
///
/// # Errors
///
/// [`TooLong`]: the connection is of no use any more.
pub fn length(header: [u8; 2]) -> Result<usize, TooLong> {
    match usize::from(u16::from_be_bytes(header)) {
        length @ 0..=MAX_FRAME => Ok(length),
        length => Err(TooLong(length)),
    }
}

/// What goes before a datagram; `None` when it is too long for a frame.
#[must_use]
pub fn header(datagram: &[u8]) -> Option<[u8; 2]> {
    u16::try_from(datagram.len()).ok().map(u16::to_be_bytes)
}

/// Takes the next datagram off the front of `received`; `None` leaves the beginning of one there.
///
/// # Errors
///
/// [`TooLong`]: nothing more can be made of what was received.
pub fn take<'a>(received: &mut &'a mut [u8]) -> Result<Option<&'a mut [u8]>, TooLong> {
    let [high, low, rest @ ..] = &**received else {
        return Ok(None);
    };
    let length = length([*high, *low])?;
    if rest.len() < length {
        return Ok(None);
    }
    let (frame, rest) = std::mem::take(received).split_at_mut(2 + length);
    *received = rest;
    Ok(Some(&mut frame[2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(datagrams: &[&[u8]]) -> Vec<u8> {
        let frame = |datagram: &&[u8]| [&header(datagram).unwrap()[..], datagram].concat();
        datagrams.iter().flat_map(frame).collect()
    }

    fn taken(mut received: &mut [u8]) -> (Vec<Vec<u8>>, usize) {
        let mut datagrams = Vec::new();
        while let Some(datagram) = take(&mut received).unwrap() {
            datagrams.push(datagram.to_vec());
        }
        (datagrams, received.len())
    }

    #[test]
    fn merged_frames_come_apart() {
        let datagrams: [&[u8]; 4] = [b"one", b"", &[7; MAX_FRAME], b"four"];
        assert_eq!(
            taken(&mut framed(&datagrams)),
            (datagrams.map(<[u8]>::to_vec).to_vec(), 0)
        );
    }

    #[test]
    fn a_split_frame_waits_for_its_end_wherever_it_is_cut() {
        let whole = framed(&[b"first", b"second"]);
        for cut in 0..whole.len() {
            let (mut datagrams, left) = taken(&mut whole[..cut].to_vec());
            datagrams.extend(taken(&mut whole[cut - left..].to_vec()).0);
            assert_eq!(datagrams, [&b"first"[..], b"second"], "cut at {cut}");
        }
    }

    #[test]
    fn a_frame_beyond_any_datagram_is_refused_before_it_has_arrived() {
        let longest = u16::try_from(MAX_FRAME).unwrap();
        assert_eq!(take(&mut &mut longest.to_be_bytes()[..]), Ok(None));
        let mut longer = (longest + 1).to_be_bytes();
        assert_eq!(take(&mut &mut longer[..]), Err(TooLong(MAX_FRAME + 1)));
        let mut other = *b"GET / HTTP/1.1";
        assert_eq!(take(&mut &mut other[..]), Err(TooLong(0x4745)));
    }
}
