//! Why an offer is refused.

/// An offer was refused; each message is one sentence for the person who runs the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The text is not an SDP offer, or contradicts itself: HTTP 400.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The offer is well formed, but the relay cannot serve it: HTTP 406.
    #[error(transparent)]
    Unacceptable(#[from] Unacceptable),
}

/// What is wrong with the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Nothing was sent.
    #[error("the body is empty: send the SDP offer as application/sdp")]
    Empty,
    /// The text is longer than any browser's offer.
    #[error("the offer has {0} bytes: send at most 65536")]
    TooLong(usize),
    /// More sections than the relay reads.
    #[error("the offer has {0} m-lines: offer at most 64")]
    TooManySections(usize),
    /// A control character where SDP knows only CR LF.
    #[error(
        "the offer contains a control character: send the SDP text as the browser made it, with CR LF line ends"
    )]
    ControlCharacter,
    /// The grammar of RFC 8866 does not hold.
    #[error("the offer is not SDP (RFC 8866): {0}")]
    Syntax(String),
    /// There is no m-line at all.
    #[error("the offer has no m-line: add audio or video before creating it")]
    NoSection,
    /// A section in use has no usable `a=mid`.
    #[error("m-line {0} has no valid a=mid of 1 to 64 token characters: give each m-line one")]
    Mid(usize),
    /// Two sections share a `mid`.
    #[error("two m-lines have the mid {0:?}: give each m-line its own")]
    DuplicateMid(String),
    /// The BUNDLE group names a section twice or one that is not there.
    #[error(
        "the BUNDLE group names {0:?} twice or without an m-line of that mid: list every bundled mid once"
    )]
    Bundle(String),
    /// `a=ice-ufrag` or `a=ice-pwd` is missing or breaks RFC 8839.
    #[error(
        "the offer has no valid ice-ufrag and ice-pwd (RFC 8839): create it with ICE credentials"
    )]
    IceCredentials,
    /// No `a=fingerprint` at all, or one that cannot be read.
    #[error(
        "the offer has no valid certificate fingerprint (RFC 8122): DTLS-SRTP is required, so send a=fingerprint"
    )]
    Fingerprint,
    /// `a=setup` holds no word that RFC 4145 knows.
    #[error("the offer's a=setup:{0} is unknown: offer actpass")]
    Setup(String),
}

/// What the relay cannot serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    /// The client wants to be the DTLS server, as the relay always is.
    #[error(
        "the offer says a=setup:{0}, but the relay is always the DTLS server: offer actpass or active"
    )]
    Setup(String),
    /// The client is ICE-lite too, so that nobody would send checks.
    #[error("the offer says a=ice-lite, as the relay does: use a full ICE agent")]
    IceLite,
    /// Only hashes that are no longer safe.
    #[error("the offer's fingerprint uses {0}: use sha-256, sha-384 or sha-512")]
    Hash(String),
    /// RTP and RTCP on separate ports.
    #[error(
        "m-line {0:?} has no a=rtcp-mux: the relay needs RTP and RTCP on one port, so offer rtcp-mux"
    )]
    RtcpMux(String),
    /// Several transports.
    #[error("the m-lines are not in one BUNDLE group: set the bundle policy to max-bundle")]
    NotBundled,
    /// Audio and video are there, but in no codec or transport the relay forwards.
    #[error(
        "nothing offered can be forwarded ({0}): offer H.264, VP8, VP9, AV1, H.265 or Opus over UDP/TLS/RTP/SAVPF"
    )]
    NoCodec(String),
    /// A WHIP offer without anything to receive from the client.
    #[error(
        "the offer sends nothing: publishing needs an audio or video m-line that is sendonly or sendrecv"
    )]
    NothingToReceive,
    /// A WHEP offer without anything to send to the client.
    #[error(
        "the offer receives nothing: watching needs an audio or video m-line that is recvonly or sendrecv"
    )]
    NothingToSend,
    /// A WHEP offer whose kinds of media the view does not have.
    #[error("nothing the offer receives is shown here: offer video or audio as the view has it")]
    NothingPlanned,
}
