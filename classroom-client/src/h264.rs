//! The little of H.264 (ITU-T H.264) that has to be read without a decoder.

const NAL_SPS: u8 = 7;

/// The NAL units of an Annex B access unit, without their start codes.
pub fn nal_units(access_unit: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(access_unit);
    std::iter::from_fn(move || {
        let unit = rest?;
        let next = find_start_code(unit);
        rest = next.map(|at| &unit[at + 3..]);
        // A four-byte start code leaves its first zero, and trailing_zero_8bits may follow, at the end of the unit before.
        let unit = &unit[..next.unwrap_or(unit.len())];
        let end = unit
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        Some(&unit[..end])
    })
    .filter(|unit| !unit.is_empty())
}

/// `profile-level-id` (RFC 6184 §8.1) of the first sequence parameter set in an access unit: profile, constraints and level as
/// a 24-bit number.
pub fn profile_level_id(access_unit: &[u8]) -> Option<u32> {
    let sps = nal_units(access_unit).find(|unit| unit[0] & 0x1f == NAL_SPS)?;
    let [profile, constraints, level] = sps.get(1..4)?.try_into().ok()?;
    Some(u32::from_be_bytes([0, profile, constraints, level]))
}

fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    find_start_code(bytes).map(|at| &bytes[at + 3..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS_UNIT: &[u8] = &[
        0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0xaa, 0, 0, 1, 0x68, 0xce, 0, 0,
        1, 0x65, 1, 2,
    ];

    #[test]
    fn units_are_told_apart_by_both_start_codes() {
        let units: Vec<_> = nal_units(ACCESS_UNIT).collect();
        assert_eq!(
            units,
            [
                &[9u8, 0xf0][..],
                &[0x67, 0x42, 0xe0, 0x1f, 0xaa],
                &[0x68, 0xce],
                &[0x65, 1, 2]
            ]
        );
    }

    #[test]
    fn the_profile_is_read_from_the_parameter_set() {
        assert_eq!(profile_level_id(ACCESS_UNIT), Some(0x42_e0_1f));
        assert_eq!(profile_level_id(&[0, 0, 1, 0x65, 1]), None);
        assert_eq!(profile_level_id(&[0, 0, 1, 0x67, 0x42]), None);
        assert_eq!(profile_level_id(&[]), None);
        assert_eq!(profile_level_id(&[0, 0, 1]), None);
    }
}
