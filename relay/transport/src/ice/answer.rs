//! Answers to authenticated checks.

use std::net::SocketAddr;

use rtc_crypto::RTCCrypto;
use rtc_stun::attributes::AttrType;
use rtc_stun::error_code::{CODE_ROLE_CONFLICT, CODE_UNKNOWN_ATTRIBUTE};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_ERROR, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::uattrs::UnknownAttributes;
use rtc_stun::xoraddr::XorMappedAddress;

/// What to answer to a check.
pub(super) enum Answer {
    /// The check succeeded; it came from this address.
    Success(SocketAddr),
    /// 420: attributes that must be understood are not (RFC 8489 §6.3.1).
    UnknownAttributes(Vec<AttrType>),
    /// 487: the client thinks it is the controlled agent (RFC 8445 §7.3.1.1).
    RoleConflict,
}

impl Answer {
    /// The encoded response; `None` if the cryptography library fails.
    pub(super) fn encode(
        self,
        transaction: TransactionId,
        key: &[u8],
        crypto: &dyn RTCCrypto,
    ) -> Option<Vec<u8>> {
        let mut setters: Vec<Box<dyn Setter + '_>> = vec![Box::new(transaction)];
        match self {
            Self::Success(from) => {
                setters.push(Box::new(BINDING_SUCCESS));
                setters.push(Box::new(XorMappedAddress {
                    // A dual-stack socket shows IPv4 clients as mapped addresses.
                    ip: from.ip().to_canonical(),
                    port: from.port(),
                }));
            }
            Self::UnknownAttributes(kinds) => {
                setters.push(Box::new(BINDING_ERROR));
                setters.push(Box::new(CODE_UNKNOWN_ATTRIBUTE));
                setters.push(Box::new(UnknownAttributes(kinds)));
            }
            Self::RoleConflict => {
                setters.push(Box::new(BINDING_ERROR));
                setters.push(Box::new(CODE_ROLE_CONFLICT));
            }
        }
        setters.push(Box::new(MessageIntegrity::new_raw_integrity_with_provider(
            key, crypto,
        )));
        setters.push(Box::new(FINGERPRINT));
        let mut response = Message::new();
        response.build(&setters).ok()?;
        Some(response.raw)
    }
}
