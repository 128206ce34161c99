//! What a publisher says about its SSRCs and simulcast layers: `a=ssrc`, `a=ssrc-group`, `a=rid`,
//! `a=simulcast`.

use super::media::Section;

/// Layers beyond this many are not asked for.
const MAX_RIDS: usize = 4;
/// Names beyond this many are not looked at, so that a long list costs no more than a short one.
const MAX_NAMED: usize = 32;
/// A section that names more SSRCs than this keeps the first ones.
const MAX_SSRCS: usize = 16;

/// The announced sources of one m-line; everything may be empty, for SSRCs need not be announced
/// (RFC 9143).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// Media SSRCs, in the order of `a=ssrc-group:SIM` where there is one.
    pub ssrcs: Vec<u32>,
    /// Pairs of media SSRC and its RTX SSRC.
    pub rtx_of: Vec<(u32, u32)>,
    /// Simulcast layers, in the order of `a=simulcast`.
    pub rids: Vec<String>,
}

pub(super) fn read(section: &Section<'_>) -> Sources {
    let mut simulcast: Vec<u32> = Vec::new();
    let mut rtx_of: Vec<(u32, u32)> = Vec::new();
    let mut repair: Vec<u32> = Vec::new();
    for value in section.values("ssrc-group") {
        let mut words = value.split_ascii_whitespace();
        let semantics = words.next().unwrap_or_default();
        let members: Vec<u32> = words
            .map_while(|word| word.parse().ok())
            .take(MAX_SSRCS)
            .collect();
        match (semantics, members.as_slice()) {
            ("SIM", members) if simulcast.is_empty() => simulcast = members.to_vec(),
            ("FID", &[media, rtx]) if media != rtx && rtx_of.len() < MAX_SSRCS => {
                rtx_of.push((media, rtx));
            }
            ("FEC" | "FEC-FR", &[_, fec]) if repair.len() < MAX_SSRCS => repair.push(fec),
            _ => {}
        }
    }
    repair.extend(rtx_of.iter().map(|&(_, rtx)| rtx));

    let mut ssrcs: Vec<u32> = Vec::new();
    for ssrc in simulcast.into_iter().chain(named_ssrcs(section)) {
        if ssrcs.len() < MAX_SSRCS && !repair.contains(&ssrc) && !ssrcs.contains(&ssrc) {
            ssrcs.push(ssrc);
        }
    }
    rtx_of.retain(|(media, _)| ssrcs.contains(media));
    Sources {
        ssrcs,
        rtx_of,
        rids: rids(section),
    }
}

fn named_ssrcs(section: &Section<'_>) -> impl Iterator<Item = u32> {
    section
        .values("ssrc")
        .filter_map(|value| value.split_ascii_whitespace().next()?.parse().ok())
}

/// RFC 8853 §5.1: layers are separated by `;`, alternatives of one layer by `,`, and `~` marks a
/// layer that starts paused.
fn rids(section: &Section<'_>) -> Vec<String> {
    let sendable: Vec<&str> = section
        .values("rid")
        .filter_map(|value| {
            let mut words = value.split_ascii_whitespace();
            let (name, direction) = (words.next()?, words.next()?);
            (direction == "send" && is_rid(name)).then_some(name)
        })
        .take(MAX_NAMED)
        .collect();
    let mut rids: Vec<String> = Vec::new();
    for layer in section
        .values("simulcast")
        .find_map(sent_layers)
        .unwrap_or_default()
        .split(';')
        .take(MAX_NAMED)
    {
        let name = layer
            .split(',')
            .take(MAX_NAMED)
            .map(|name| name.trim_start_matches('~'))
            .find(|name| sendable.contains(name));
        if let Some(name) =
            name.filter(|name| rids.len() < MAX_RIDS && !rids.iter().any(|known| known == name))
        {
            rids.push(name.to_owned());
        }
    }
    rids
}

/// `send h;m;l`, `send h;m;l recv a` and the older `send rid=h;m;l`.
fn sent_layers(simulcast: &str) -> Option<&str> {
    let mut words = simulcast.split_ascii_whitespace();
    words.find(|word| *word == "send")?;
    words
        .next()
        .map(|layers| layers.strip_prefix("rid=").unwrap_or(layers))
}

/// RFC 8852 §3.1 and what fits a one-byte header extension.
fn is_rid(name: &str) -> bool {
    (1..=16).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
