use super::super::hello::tests::hello;
use super::*;

const APPLICATION: u8 = 23;

fn record(content: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content, 254, 253];
    record.extend(epoch.to_be_bytes());
    record.extend([0, 0, 0, 0, 0, 7]);
    record.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    record.extend(body);
    record
}

fn fragment(kind: u8, sequence: u16, message: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let number = |value: usize| (value as u32).to_be_bytes()[1..].to_vec();
    let mut fragment = vec![kind];
    fragment.extend(number(message.len()));
    fragment.extend(sequence.to_be_bytes());
    fragment.extend(number(range.start));
    fragment.extend(number(range.len()));
    fragment.extend(&message[range]);
    fragment
}

fn whole(kind: u8, sequence: u16, message: &[u8]) -> Vec<u8> {
    fragment(kind, sequence, message, 0..message.len())
}

#[test]
fn a_hello_in_one_piece_passes_unchanged() {
    let datagram = record(HANDSHAKE, 0, &whole(CLIENT_HELLO, 0, &hello(&[1, 7])));
    let accepted = Intake::default().accept(&datagram).unwrap();
    assert_eq!(accepted.records, datagram);
    assert!(accepted.offer.unwrap().gcm);
}

#[test]
fn a_hello_in_pieces_passes_when_it_is_whole_whatever_the_order() {
    let message = hello(&[1]);
    let mut intake = Intake::default();
    for range in [40..message.len(), 0..30] {
        let piece = record(HANDSHAKE, 0, &fragment(CLIENT_HELLO, 0, &message, range));
        let accepted = intake.accept(&piece).unwrap();
        assert!(accepted.records.is_empty() && accepted.offer.is_none());
    }
    let last = record(HANDSHAKE, 0, &fragment(CLIENT_HELLO, 0, &message, 20..45));
    let accepted = intake.accept(&last).unwrap();
    let expected = record(HANDSHAKE, 0, &whole(CLIENT_HELLO, 0, &message));
    assert_eq!(accepted.records, expected);
    assert!(accepted.offer.unwrap().counter);
    assert!(intake.partial.is_empty());
}

/// The tail of one message and another whole one in the same record, as BoringSSL packs them.
#[test]
fn a_tail_and_the_next_message_share_a_record() {
    let certificate = [0xCE; 900];
    let mut intake = Intake::default();
    let head = record(
        HANDSHAKE,
        0,
        &fragment(CERTIFICATE, 2, &certificate, 0..700),
    );
    assert!(intake.accept(&head).unwrap().records.is_empty());
    let mut body = fragment(CERTIFICATE, 2, &certificate, 700..900);
    body.extend(whole(CLIENT_KEY_EXCHANGE, 3, &[5; 66]));
    let accepted = intake.accept(&record(HANDSHAKE, 0, &body)).unwrap();
    let mut expected = whole(CERTIFICATE, 2, &certificate);
    expected.extend(whole(CLIENT_KEY_EXCHANGE, 3, &[5; 66]));
    assert_eq!(accepted.records, record(HANDSHAKE, 0, &expected));
}

#[test]
fn implausible_records_are_dropped() {
    for (name, content, epoch, body) in [
        ("application in plain text", APPLICATION, 0, &b"x"[..]),
        ("encrypted change_cipher_spec", CHANGE_CIPHER_SPEC, 1, &[1]),
        ("odd change_cipher_spec", CHANGE_CIPHER_SPEC, 0, &[2]),
        ("short alert", ALERT, 0, &[2]),
        ("heartbeat", 24, 0, &[1]),
        ("application", APPLICATION, 1, b"x"),
        ("third epoch", ALERT, 2, b"x"),
        ("a server's message", HANDSHAKE, 0, &whole(2, 0, &[0; 40])),
        (
            "a far message",
            HANDSHAKE,
            0,
            &whole(CERTIFICATE, 99, &[0; 9]),
        ),
        (
            "a huge message",
            HANDSHAKE,
            0,
            &[11, 255, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 7],
        ),
        (
            "beyond its end",
            HANDSHAKE,
            0,
            &[11, 0, 0, 2, 0, 2, 0, 0, 2, 0, 0, 1, 7],
        ),
        (
            "an empty fragment",
            HANDSHAKE,
            0,
            &[11, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0, 0],
        ),
    ] {
        let result = Intake::default().accept(&record(content, epoch, body));
        assert_eq!(result.err(), Some(Discard::BadHandshake), "{name}");
    }
    assert_eq!(
        Intake::default().accept(&[22; 12]).err(),
        Some(Discard::Malformed)
    );
}

#[test]
fn contradicting_fragments_start_over() {
    let mut intake = Intake::default();
    let head = fragment(CERTIFICATE, 2, &[1; 50], 0..10);
    assert!(intake.accept(&record(HANDSHAKE, 0, &head)).is_ok());
    let other = fragment(CERTIFICATE, 2, &[1; 60], 10..20);
    assert!(intake.accept(&record(HANDSHAKE, 0, &other)).is_err());
    assert!(intake.partial.is_empty());
}

#[test]
fn neither_records_nor_fragments_are_kept_without_end() {
    let mut intake = Intake::default();
    let message = [0; 1000];
    for _ in 0..10 * MAX_FRAGMENTS {
        let piece = record(HANDSHAKE, 0, &fragment(CERTIFICATE, 2, &message, 0..1));
        let _ = intake.accept(&piece);
        assert!(
            intake
                .partial
                .iter()
                .all(|partial| partial.arrived.len() <= MAX_FRAGMENTS)
        );
    }
    let finished = record(HANDSHAKE, 1, &[9; 40]);
    let passed = (0..2 * BUDGET)
        .filter(|_| intake.accept(&finished).is_ok())
        .count();
    assert_eq!(passed, BUDGET as usize);
}
