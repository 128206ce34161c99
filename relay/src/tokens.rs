//! Bearer tokens: JWTs of [`Claims`], signed with HS256 and with nothing else (RFC 8725 §3.1).

use std::fmt;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use protocol::Claims;

/// Fewest bytes of a key: those of the hash (RFC 7518 §3.2).
const MIN_KEY_LEN: usize = 32;

/// How far the clocks of relay and issuer may be apart, in seconds.
const LEEWAY: u64 = 30;

/// A token longer than this is no token of ours, in bytes.
const MAX_TOKEN_LEN: usize = 4_096;

/// The secret that signs tokens; never printed.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of at least 32 bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, WeakKey> {
        if bytes.len() < MIN_KEY_LEN {
            Err(WeakKey)
        } else {
            Ok(Self(bytes))
        }
    }

    /// Makes a token.
    pub fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&self.0))
            .map_err(|_| SignError)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The key is too short to be safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at least {MIN_KEY_LEN} bytes: make one with `openssl rand -hex 32`")]
pub struct WeakKey;

/// The cryptographic library refused to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct SignError;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It was good once.
    #[error("the token has expired: ask for a new one")]
    Expired,
    /// It is not signed with this relay's key.
    #[error("the token is not signed with this relay's key")]
    Signature,
    /// It is not a token of this relay's kind.
    #[error(
        "the token is not one of this relay's: it must be a JWT signed with HS256 that names sub, role, lesson and exp"
    )]
    Malformed,
}

/// Checks tokens.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

impl Verifier {
    /// Believes what `key` has signed.
    pub fn new(key: &Key) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self {
            key: DecodingKey::from_secret(&key.0),
            validation,
        }
    }

    /// The claims of a token that is signed, complete and not expired.
    pub fn verify(&self, token: &str) -> Result<Claims, Rejected> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(Rejected::Malformed);
        }
        match jsonwebtoken::decode(token, &self.key, &self.validation) {
            Ok(token) => Ok(token.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::ExpiredSignature => Rejected::Expired,
                ErrorKind::InvalidSignature => Rejected::Signature,
                _ => Rejected::Malformed,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::get_current_timestamp;
    use protocol::Role;

    fn key(byte: u8) -> Key {
        Key::new(vec![byte; 32]).unwrap()
    }

    fn claims(exp: u64) -> Claims {
        Claims {
            sub: "room-7".parse().unwrap(),
            role: Role::Room,
            lesson: "demo".parse().unwrap(),
            sources: None,
            exp,
        }
    }

    fn signed(algorithm: Algorithm, claims: &impl serde::Serialize) -> String {
        jsonwebtoken::encode(
            &Header::new(algorithm),
            claims,
            &EncodingKey::from_secret(&[1; 32]),
        )
        .unwrap()
    }

    #[test]
    fn a_signed_token_says_what_was_signed() {
        let claims = claims(get_current_timestamp() + 3_600);
        let token = key(1).sign(&claims).unwrap();
        assert_eq!(Verifier::new(&key(1)).verify(&token), Ok(claims));
    }

    #[test]
    fn another_key_a_changed_letter_and_an_expired_token_are_told_apart() {
        let verifier = Verifier::new(&key(1));
        let token = key(1)
            .sign(&claims(get_current_timestamp() + 3_600))
            .unwrap();
        assert_eq!(
            Verifier::new(&key(2)).verify(&token),
            Err(Rejected::Signature)
        );
        let (rest, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        assert_eq!(
            verifier.verify(&format!("{rest}.{first}{}", &signature[1..])),
            Err(Rejected::Signature)
        );
        let expired = key(1)
            .sign(&claims(get_current_timestamp() - LEEWAY - 60))
            .unwrap();
        assert_eq!(verifier.verify(&expired), Err(Rejected::Expired));
    }

    #[test]
    fn a_clock_a_little_behind_is_forgiven() {
        let token = key(1)
            .sign(&claims(get_current_timestamp() - LEEWAY / 2))
            .unwrap();
        assert!(Verifier::new(&key(1)).verify(&token).is_ok());
    }

    #[test]
    fn only_hs256_with_an_expiry_is_believed() {
        let verifier = Verifier::new(&key(1));
        let good = claims(get_current_timestamp() + 3_600);
        assert!(verifier.verify(&signed(Algorithm::HS256, &good)).is_ok());
        assert_eq!(
            verifier.verify(&signed(Algorithm::HS512, &good)),
            Err(Rejected::Malformed)
        );
        let endless = serde_json::json!({ "sub": "room-7", "role": "room", "lesson": "demo" });
        assert_eq!(
            verifier.verify(&signed(Algorithm::HS256, &endless)),
            Err(Rejected::Malformed)
        );
        // {"alg":"none","typ":"JWT"}
        let none = format!(
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.",
            verifier_payload(&good)
        );
        assert_eq!(verifier.verify(&none), Err(Rejected::Malformed));
        for garbage in ["", ".", "..", "a.b.c", "课", &"a".repeat(10_000)] {
            assert_eq!(
                verifier.verify(garbage),
                Err(Rejected::Malformed),
                "{garbage:?}"
            );
        }
    }

    fn verifier_payload(claims: &Claims) -> String {
        let token = key(1).sign(claims).unwrap();
        token.split('.').nth(1).unwrap().to_owned()
    }

    #[test]
    fn keys_are_long_and_never_printed() {
        assert!(matches!(Key::new(vec![0; 31]), Err(WeakKey)));
        assert_eq!(format!("{:?}", key(b'x')), "Key(…)");
    }
}
