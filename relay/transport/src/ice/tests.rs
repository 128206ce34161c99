use std::net::SocketAddr;

use super::*;
use rtc_stun::attributes::ATTR_ICE_CONTROLLING;
use rtc_stun::error_code::{CODE_ROLE_CONFLICT, CODE_UNKNOWN_ATTRIBUTE, ErrorCodeAttribute};
use rtc_stun::message::{
    BINDING_ERROR, BINDING_SUCCESS, Getter, MessageType, Setter, TransactionId,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;

struct Raw(AttrType, Vec<u8>);

impl Setter for Raw {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(self.0, &self.1);
        Ok(())
    }
}

struct Scene {
    agent: Agent,
    local: Credentials,
    now: Instant,
    a: Path,
    b: Path,
}

fn scene() -> Scene {
    let now = Instant::now();
    let local = Credentials::random();
    let identity = Arc::new(Identity::generate().unwrap());
    Scene {
        agent: Agent::new(identity, local.clone(), now),
        local,
        now,
        a: Path::udp("192.0.2.1:4000".parse().unwrap()),
        b: Path::udp("[2001:db8::1]:4000".parse().unwrap()),
    }
}

impl Scene {
    fn check(&mut self, from: Path, request: &[u8]) -> Result<Checked, Discard> {
        self.agent.handle(self.now, from, request)
    }
}

fn encode(setters: &[Box<dyn Setter + '_>]) -> Vec<u8> {
    let mut message = Message::new();
    message.build(setters).unwrap();
    message.raw
}

/// A check as a controlling agent sends it, with more attributes before MESSAGE-INTEGRITY.
fn request(credentials: &Credentials, more: Vec<Raw>) -> Vec<u8> {
    typed(BINDING_REQUEST, credentials, more)
}

fn typed(kind: MessageType, credentials: &Credentials, more: Vec<Raw>) -> Vec<u8> {
    let provider = rtc_crypto::default_provider().unwrap();
    let user_name = TextAttribute::new(ATTR_USERNAME, format!("{}:client", credentials.ufrag));
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
        credentials.pwd.clone(),
        provider.crypto(),
    );
    let mut setters: Vec<Box<dyn Setter + '_>> = vec![
        Box::new(TransactionId::new()),
        Box::new(kind),
        Box::new(user_name),
        Box::new(Raw(ATTR_PRIORITY, vec![1, 2, 3, 4])),
    ];
    setters.extend(more.into_iter().map(|raw| Box::new(raw) as Box<dyn Setter>));
    setters.push(Box::new(integrity));
    setters.push(Box::new(FINGERPRINT));
    encode(&setters)
}

fn controlling() -> Vec<Raw> {
    vec![Raw(ATTR_ICE_CONTROLLING, vec![0; 8])]
}

fn nominating() -> Vec<Raw> {
    vec![
        Raw(ATTR_ICE_CONTROLLING, vec![0; 8]),
        Raw(ATTR_USE_CANDIDATE, vec![]),
    ]
}

fn decoded(answer: Option<Vec<u8>>, key: &Credentials) -> Message {
    let mut message = Message::new();
    message.unmarshal_binary(&answer.unwrap()).unwrap();
    let provider = rtc_crypto::default_provider().unwrap();
    MessageIntegrity::check(&mut message, key.pwd.as_bytes(), provider.crypto()).unwrap();
    FINGERPRINT.check(&message).unwrap();
    message
}

fn error_code(message: &Message) -> u16 {
    let mut code = ErrorCodeAttribute::default();
    code.get_from(message).unwrap();
    code.code.0
}

#[test]
fn a_check_is_answered_with_the_address_it_came_from() {
    let mut scene = scene();
    for from in [scene.a, scene.b] {
        let request = request(&scene.local, controlling());
        let checked = scene.check(from, &request).unwrap();
        let answer = decoded(checked.answer, &scene.local);
        assert_eq!(answer.typ, BINDING_SUCCESS);
        assert_eq!(answer.transaction_id.0, request[8..20]);
        assert!(answer.raw.len() <= request.len(), "no amplification");
        let mut mapped = XorMappedAddress::default();
        mapped.get_from(&answer).unwrap();
        assert_eq!(
            (mapped.ip, mapped.port),
            (from.address.ip(), from.address.port())
        );
        assert!(scene.agent.is_validated(from));
        assert!(!checked.nominated);
    }
    assert_eq!(scene.agent.nominated(), None);
}

#[test]
fn an_ipv4_client_of_a_dual_stack_socket_sees_its_ipv4_address() {
    let mut scene = scene();
    let mapped_by_socket = Path::udp("[::ffff:192.0.2.1]:4000".parse().unwrap());
    let request = request(&scene.local, controlling());
    let checked = scene.check(mapped_by_socket, &request).unwrap();
    let mut mapped = XorMappedAddress::default();
    mapped
        .get_from(&decoded(checked.answer, &scene.local))
        .unwrap();
    assert_eq!(mapped.ip, scene.a.address.ip());
}

#[test]
fn every_nomination_is_followed_back_and_forth() {
    let mut scene = scene();
    for (from, is_change) in [
        (scene.a, true),
        (scene.a, false),
        (scene.b, true),
        (scene.a, true),
    ] {
        let request = request(&scene.local, nominating());
        assert_eq!(scene.check(from, &request).unwrap().nominated, is_change);
        assert_eq!(scene.agent.nominated(), Some(from));
    }
}

/// As behind a NAT that rebinds.
#[test]
fn a_client_that_moved_without_knowing_is_followed() {
    let mut scene = scene();
    let first = request(&scene.local, nominating());
    assert!(scene.check(scene.a, &first).is_ok());
    scene.now += SILENCE / 2;
    let backup = request(&scene.local, controlling());
    assert!(!scene.check(scene.b, &backup).unwrap().nominated);
    let check = request(&scene.local, controlling());
    assert!(!scene.check(scene.a, &check).unwrap().nominated);
    scene.now += SILENCE;
    let moved = request(&scene.local, controlling());
    assert!(scene.check(scene.b, &moved).unwrap().nominated);
    assert_eq!(scene.agent.nominated(), Some(scene.b));
}

#[test]
fn what_does_not_authenticate_is_not_answered() {
    let mut scene = scene();
    let stranger = Credentials::random();
    let wrong_key = Credentials {
        pwd: stranger.pwd.clone(),
        ..scene.local.clone()
    };
    for (credentials, reason) in [
        (stranger, Discard::UnknownUserName),
        (wrong_key, Discard::BadIntegrity),
    ] {
        let request = request(&credentials, nominating());
        let (a, result) = (scene.a, scene.check(scene.a, &request));
        assert_eq!(result.unwrap_err(), reason);
        assert!(!scene.agent.is_validated(a));
    }
    let mut broken = request(&scene.local, nominating());
    *broken.last_mut().unwrap() ^= 1;
    let result = scene.check(scene.a, &broken);
    assert_eq!(result.unwrap_err(), Discard::BadFingerprint);
    assert_eq!(scene.agent.nominated(), None);
}

#[test]
fn a_check_needs_integrity_and_fingerprint() {
    let mut scene = scene();
    let user_name = || {
        let text = format!("{}:client", scene.local.ufrag);
        Box::new(TextAttribute::new(ATTR_USERNAME, text))
    };
    let bare = encode(&[Box::new(BINDING_REQUEST), user_name()]);
    let unsigned = encode(&[
        Box::new(BINDING_REQUEST),
        user_name(),
        Box::new(FINGERPRINT),
    ]);
    let results = [bare, unsigned].map(|request| scene.check(scene.a, &request).unwrap_err());
    assert_eq!(results, [Discard::BadFingerprint, Discard::BadIntegrity]);
}

/// Anybody can add attributes behind MESSAGE-INTEGRITY and mend FINGERPRINT.
#[test]
fn attributes_behind_the_integrity_are_ignored() {
    let mut scene = scene();
    let provider = rtc_crypto::default_provider().unwrap();
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
        scene.local.pwd.clone(),
        provider.crypto(),
    );
    let text = format!("{}:client", scene.local.ufrag);
    let request = encode(&[
        Box::new(TransactionId::new()),
        Box::new(BINDING_REQUEST),
        Box::new(TextAttribute::new(ATTR_USERNAME, text)),
        Box::new(integrity),
        Box::new(Raw(ATTR_USE_CANDIDATE, vec![])),
        Box::new(FINGERPRINT),
    ]);
    let checked = scene.check(scene.a, &request).unwrap();
    assert_eq!(decoded(checked.answer, &scene.local).typ, BINDING_SUCCESS);
    assert_eq!(scene.agent.nominated(), None);
}

#[test]
fn a_controlled_client_is_told_of_the_role_conflict() {
    let mut scene = scene();
    let more = vec![
        Raw(ATTR_ICE_CONTROLLED, vec![0; 8]),
        Raw(ATTR_USE_CANDIDATE, vec![]),
    ];
    let request = request(&scene.local, more);
    let checked = scene.check(scene.a, &request).unwrap();
    let answer = decoded(checked.answer, &scene.local);
    assert_eq!(answer.typ, BINDING_ERROR);
    assert_eq!(error_code(&answer), CODE_ROLE_CONFLICT.0);
    assert!(!scene.agent.is_validated(scene.a));
}

#[test]
fn unknown_required_attributes_are_named() {
    let mut scene = scene();
    let more = vec![
        Raw(AttrType(0x7FFE), vec![1]),
        Raw(AttrType(0xC057), vec![0; 4]),
    ];
    let request = request(&scene.local, more);
    let answer = decoded(scene.check(scene.a, &request).unwrap().answer, &scene.local);
    assert_eq!(error_code(&answer), CODE_UNKNOWN_ATTRIBUTE.0);
    let mut unknown = rtc_stun::uattrs::UnknownAttributes(vec![]);
    unknown.get_from(&answer).unwrap();
    assert_eq!(unknown.0, [AttrType(0x7FFE)]);
}

#[test]
fn a_recorded_check_is_worth_nothing_elsewhere() {
    let mut scene = scene();
    let request = request(&scene.local, nominating());
    assert!(scene.check(scene.a, &request).is_ok());
    assert_eq!(
        scene.check(scene.b, &request).unwrap_err(),
        Discard::Replayed
    );
    assert!(scene.check(scene.a, &request).is_ok(), "retransmitted");
    assert_eq!(scene.agent.nominated(), Some(scene.a));
    assert!(!scene.agent.is_validated(scene.b));
}

#[test]
fn old_credentials_live_until_the_new_ones_are_used() {
    let mut scene = scene();
    let (old, new) = (scene.local.clone(), Credentials::random());
    scene.agent.restart(new.clone());
    assert!(scene.check(scene.a, &request(&old, nominating())).is_ok());
    assert!(scene.check(scene.b, &request(&new, nominating())).is_ok());
    assert_eq!(scene.agent.nominated(), Some(scene.b));
    let late = scene.check(scene.a, &request(&old, nominating()));
    assert_eq!(late.unwrap_err(), Discard::UnknownUserName);
}

#[test]
fn two_restarts_in_a_row_keep_the_credentials_in_use() {
    let mut scene = scene();
    let (old, new) = (scene.local.clone(), Credentials::random());
    scene.agent.restart(Credentials::random());
    scene.agent.restart(new.clone());
    assert!(scene.check(scene.a, &request(&old, controlling())).is_ok());
    assert!(scene.check(scene.a, &request(&new, controlling())).is_ok());
}

#[test]
fn only_authenticated_checks_renew_consent() {
    let mut scene = scene();
    let start = scene.now;
    scene.now += Duration::from_secs(10);
    let stranger = request(&Credentials::random(), controlling());
    assert!(scene.check(scene.a, &stranger).is_err());
    assert_eq!(scene.agent.consent_until(), start + CONSENT);
    let check = request(&scene.local, controlling());
    assert!(scene.check(scene.a, &check).is_ok());
    assert_eq!(scene.agent.consent_until(), scene.now + CONSENT);
}

#[test]
fn other_stun_messages_are_ignored_or_counted() {
    let mut scene = scene();
    let indication = MessageType {
        method: METHOD_BINDING,
        class: CLASS_INDICATION,
    };
    let keepalive = encode(&[Box::new(indication), Box::new(FINGERPRINT)]);
    let checked = scene.check(scene.a, &keepalive).unwrap();
    assert!(checked.answer.is_none() && !checked.nominated);
    let response = typed(BINDING_SUCCESS, &scene.local, vec![]);
    let result = scene.check(scene.a, &response);
    assert_eq!(result.unwrap_err(), Discard::UnexpectedStun);
    assert!(!scene.agent.is_validated(scene.a));
}

#[test]
fn validated_addresses_are_bounded_and_the_nominated_one_stays() {
    let mut scene = scene();
    let first = request(&scene.local, nominating());
    assert!(scene.check(scene.a, &first).is_ok());
    for port in 1..=100 {
        let from = Path::udp(SocketAddr::new(scene.b.address.ip(), port));
        assert!(
            scene
                .check(from, &request(&scene.local, controlling()))
                .is_ok()
        );
    }
    assert_eq!(scene.agent.validated.len(), MAX_VALIDATED);
    assert!(scene.agent.is_validated(scene.a));
}
