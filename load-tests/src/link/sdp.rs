//! Candidates on their way through the link.
//!
//! A server's candidates are replaced by gates of the link. A client's candidates are taken out, so that a server that checks
//! them itself cannot go around the link; it learns the gate's address from the client's own checks instead, as a
//! peer-reflexive candidate (RFC 8445 §7.3.1.3). Works on whole descriptions and on trickle fragments.

use std::net::SocketAddr;

/// An offer or fragment of a client without its candidates.
pub fn without_candidates(sdp: &str) -> String {
    rewrite(sdp, |_| None)
}

/// An answer or fragment of a server with a gate in place of every UDP candidate. Candidates without a gate, of other
/// transports, and of host names are taken out.
pub fn with_gates(sdp: &str, mut gate: impl FnMut(SocketAddr) -> Option<SocketAddr>) -> String {
    let mut known: Vec<(SocketAddr, Option<SocketAddr>)> = Vec::new();
    rewrite(sdp, |candidate| {
        if let Some((_, gate)) = known.iter().find(|(seen, _)| *seen == candidate) {
            return *gate;
        }
        let gate = gate(candidate);
        known.push((candidate, gate));
        gate
    })
}

fn rewrite(sdp: &str, mut gate: impl FnMut(SocketAddr) -> Option<SocketAddr>) -> String {
    let mut out = String::with_capacity(sdp.len());
    for line in sdp.split_inclusive('\n') {
        let text = line.trim_end_matches(['\r', '\n']);
        let end = &line[text.len()..];
        if let Some(candidate) = text.strip_prefix("a=candidate:") {
            if let Some(replaced) = replace(candidate, &mut gate) {
                out += &replaced;
                out += end;
            }
        } else if let Some(default) = default_address(text) {
            out += &default;
            out += end;
        } else {
            out += line;
        }
    }
    out
}

/// `<foundation> <component> <transport> <priority> <address> <port> typ …` (RFC 8839 §5.1) as a host candidate of the gate.
fn replace(
    candidate: &str,
    gate: &mut impl FnMut(SocketAddr) -> Option<SocketAddr>,
) -> Option<String> {
    let mut fields = candidate.split_ascii_whitespace();
    let (foundation, component) = (fields.next()?, fields.next()?);
    let (transport, priority) = (fields.next()?, fields.next()?);
    let (address, port) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    if !transport.eq_ignore_ascii_case("udp") {
        return None;
    }
    let gate = gate(SocketAddr::new(address, port))?;
    let (ip, port) = (gate.ip(), gate.port());
    Some(format!(
        "a=candidate:{foundation} {component} udp {priority} {ip} {port} typ host"
    ))
}

/// The default destination of a section may be a candidate, too: replaced by that of a description without any
/// (RFC 8840).
fn default_address(line: &str) -> Option<String> {
    if line.starts_with("c=") {
        return Some("c=IN IP4 0.0.0.0".to_owned());
    }
    if line.starts_with("a=rtcp:") {
        return Some("a=rtcp:9 IN IP4 0.0.0.0".to_owned());
    }
    let (media, rest) = line.strip_prefix("m=")?.split_once(' ')?;
    let (port, rest) = rest.split_once(' ')?;
    // Port 0 rejects a section and stays.
    (port != "0").then(|| format!("m={media} 9 {rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n\
        m=audio 4000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.1\r\na=rtcp:4000 IN IP4 192.0.2.1\r\n\
        a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host generation 0\r\n\
        a=candidate:2 1 udp 1694498815 198.51.100.7 4001 typ srflx raddr 192.0.2.1 rport 4000\r\n\
        a=candidate:3 1 tcp 1 192.0.2.1 9 typ host tcptype passive\r\n\
        a=candidate:4 1 udp 1 lectern.local 4000 typ host\r\n\
        a=candidate:5 1 udp 1 2001:db8::1 70000 typ host\r\na=candidate:6\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n\
        a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\r\na=end-of-candidates\r\n";

    #[test]
    fn every_server_port_gets_one_gate() {
        let mut asked = Vec::new();
        let sdp = with_gates(ANSWER, |candidate| {
            asked.push(candidate);
            Some(SocketAddr::from((
                [127, 0, 0, 1],
                50_000 + asked.len() as u16,
            )))
        });
        let expected: Vec<SocketAddr> = ["192.0.2.1:4000", "198.51.100.7:4001"]
            .map(|address| address.parse().unwrap())
            .to_vec();
        assert_eq!(asked, expected);
        let candidates: Vec<&str> = sdp
            .lines()
            .filter(|line| line.contains("candidate:"))
            .collect();
        assert_eq!(
            candidates,
            [
                "a=candidate:1 1 udp 2130706431 127.0.0.1 50001 typ host",
                "a=candidate:2 1 udp 1694498815 127.0.0.1 50002 typ host",
                "a=candidate:1 1 udp 2130706431 127.0.0.1 50001 typ host",
            ]
        );
        assert!(
            !sdp.contains("192.0.2.1") && !sdp.contains("198.51.100.7"),
            "{sdp}"
        );
        assert!(sdp.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"));
        assert!(sdp.contains("m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"));
        assert!(sdp.contains("a=rtcp:9 IN IP4 0.0.0.0\r\n"));
        assert!(sdp.ends_with("a=end-of-candidates\r\n"));
    }

    #[test]
    fn a_client_keeps_none() {
        let sdp = without_candidates(ANSWER);
        assert!(!sdp.contains("a=candidate"), "{sdp}");
        let kept = ANSWER
            .lines()
            .filter(|line| !line.starts_with("a=candidate"))
            .count();
        assert_eq!(sdp.lines().count(), kept);
    }

    #[test]
    fn fragments_are_rewritten_too() {
        let fragment = "a=ice-ufrag:u\na=mid:0\na=candidate:1 1 udp 9 127.0.0.1 4000 typ host\n";
        let gate: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        assert_eq!(
            with_gates(fragment, |_| Some(gate)),
            "a=ice-ufrag:u\na=mid:0\na=candidate:1 1 udp 9 127.0.0.1 5000 typ host\n"
        );
        assert_eq!(with_gates(fragment, |_| None), "a=ice-ufrag:u\na=mid:0\n");
    }
}
