use super::*;

#[test]
fn what_the_relay_writes_it_can_read() {
    let mut compound = receiver_report(Vec::new());
    compound.extend(nack(7, &[1, 2, 40]));
    compound.extend(picture_loss_indication(8));
    assert_eq!(
        parse(&compound),
        Ok(vec![
            Message::Nack {
                ssrc: 7,
                missing: vec![1, 2, 40]
            },
            Message::KeyframeRequest { ssrc: 8 },
        ])
    );
}

#[test]
fn a_sender_report_carries_the_clock() {
    let report = SenderReport {
        ssrc: 5,
        ntp_time: 6 << 32,
        rtp_time: 7,
        packet_count: 8,
        octet_count: 9,
        ..Default::default()
    };
    assert_eq!(
        parse(&sender_report(report, "lectern")),
        Ok(vec![Message::SenderReport {
            ssrc: 5,
            ntp: 6 << 32,
            rtp: 7
        }])
    );
}

#[test]
fn transport_feedback_reads_back() {
    let deltas = vec![
        Some(8),
        None,
        Some(300),
        Some(-4),
        Some(0),
        None,
        None,
        Some(1),
    ];
    let feedback = Feedback {
        base: 65_530,
        reference_time: 77,
        count: 9,
        deltas,
    };
    let wire = transport_feedback(5, &feedback);
    assert_eq!(wire.len() % 4, 0);
    assert_eq!(
        parse(&wire),
        Ok(vec![Message::TransportFeedback(feedback.clone())])
    );
    let read = TransportLayerCc::unmarshal(&mut wire.as_slice()).unwrap();
    assert_eq!(
        (read.base_sequence_number, read.packet_status_count),
        (65_530, 8)
    );
    assert_eq!(
        (read.reference_time, read.fb_pkt_count, read.media_ssrc),
        (77, 9, 5)
    );
    let micros: Vec<_> = read.recv_deltas.iter().map(|delta| delta.delta).collect();
    assert_eq!(micros, [2_000, 75_000, -1_000, 0, 250]);
}

#[test]
fn reports_and_estimates_are_read() {
    let block = ReceptionReport {
        ssrc: 7,
        fraction_lost: 26,
        jitter: 90,
        last_sender_report: 5,
        delay: 32_768,
        ..Default::default()
    };
    let mut compound = receiver_report(vec![block]);
    compound.extend(bytes(&ReceiverEstimatedMaximumBitrate {
        sender_ssrc: 1,
        bitrate: 2_000_000.0,
        ssrcs: vec![7],
    }));
    let reception = Reception {
        ssrc: 7,
        fraction_lost: 26,
        jitter: 90,
        echo: Some(Echo {
            last_sender_report: 5,
            delay: Duration::from_millis(500),
        }),
    };
    assert_eq!(
        parse(&compound),
        Ok(vec![
            Message::Reception(reception),
            Message::Estimate { bitrate: 2_000_000 }
        ])
    );
}

#[test]
fn a_flood_in_one_packet_is_cut() {
    // 253 pairs are what one packet can hold (RFC 4585 §6.2.1: 16 more numbers each).
    let missing: Vec<u16> = (0..253 * 17).collect();
    let messages = parse(&nack(7, &missing)).unwrap();
    let Some(Message::Nack { missing, .. }) = messages.first() else {
        panic!("{messages:?}")
    };
    assert_eq!(missing.len(), MAX_MISSING);
}

#[test]
fn many_messages_in_one_packet_are_cut_too() {
    let missing: Vec<u16> = (0..60 * 17).collect();
    let nacks = nack(7, &missing).repeat(200);
    let asked = parse(&nacks).unwrap();
    assert_eq!(
        asked.iter().map(Message::missing).sum::<usize>(),
        MAX_MISSING
    );
    let requests = picture_loss_indication(7).repeat(4_000);
    assert_eq!(parse(&requests).unwrap().len(), MAX_MESSAGES);
}

#[test]
fn no_garbage_panics() {
    let mut compound = nack(7, &[1, 2, 40]);
    compound.extend(sender_report(SenderReport::default(), "lectern"));
    for end in 0..compound.len() {
        let _ = parse(&compound[..end]);
    }
    for at in 0..compound.len() {
        for value in 0..=255 {
            let mut bent = compound.clone();
            bent[at] = value;
            let _ = parse(&bent);
        }
    }
    for kind in 192..=223 {
        for format in 0..32 {
            for words in 0..6u8 {
                let mut packet = vec![0x80 | format, kind, 0, words];
                packet.resize(4 + 4 * usize::from(words), 0xFF);
                let _ = parse(&packet);
            }
        }
    }
}
