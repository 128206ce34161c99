//! What is read of a STUN message before anything is known about its sender.

/// The relay's part of the USERNAME of a STUN binding request, without authentication.
///
/// Routes the first check from an unknown address to its session. Total on any input: `None`
/// unless `datagram` is a well-formed binding request with a USERNAME of the form
/// `relay:client`.
#[must_use]
pub fn stun_username(datagram: &[u8]) -> Option<&str> {
    let (header, mut attributes) = datagram.split_at_checked(HEADER_LEN)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE || attributes.len() != length
    {
        return None;
    }
    while let [t0, t1, l0, l1, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = rest.get(..length)?;
        if [*t0, *t1] == USERNAME {
            let (relay, _client) = std::str::from_utf8(value).ok()?.split_once(':')?;
            return Some(relay);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

const HEADER_LEN: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const MAGIC_COOKIE: [u8; 4] = 0x2112_A442_u32.to_be_bytes();
const USERNAME: [u8; 2] = [0x00, 0x06];

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut datagram = BINDING_REQUEST.to_vec();
        datagram.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
        datagram.extend(MAGIC_COOKIE);
        datagram.extend([7; 12]);
        datagram.extend(attributes);
        datagram
    }

    #[test]
    fn the_relay_part_is_found_behind_other_attributes() {
        let datagram = request(b"\0\x24\0\x04\x01\x02\x03\x04\0\x06\0\x07abcd:xy\0");
        assert_eq!(stun_username(&datagram), Some("abcd"));
    }

    #[test]
    fn every_truncation_is_refused() {
        let datagram = request(b"\0\x24\0\x04\x01\x02\x03\x04\0\x06\0\x07abcd:xy\0");
        for length in 0..datagram.len() {
            assert_eq!(stun_username(&datagram[..length]), None, "{length}");
        }
    }

    #[test]
    fn other_messages_have_no_user_name() {
        let mut response = request(b"\0\x06\0\x07abcd:xy\0");
        response[0] = 0x01;
        assert_eq!(stun_username(&response), None);
        assert_eq!(
            stun_username(&request(b"\0\x06\0\x04abcd")),
            None,
            "no colon"
        );
        assert_eq!(stun_username(&request(b"\0\x06\0\x04\xFF\xFE:x")), None);
        assert_eq!(stun_username(&request(b"\0\x06\xFF\xFFabcd")), None);
    }
}
