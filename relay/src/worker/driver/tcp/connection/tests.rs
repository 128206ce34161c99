use super::*;

/// A connection that takes and gives as many bytes at a time as it is told.
#[derive(Default)]
struct Line {
    /// What each of the next reads gives; then nothing, or the end.
    arriving: Vec<Vec<u8>>,
    ended: bool,
    sent: Vec<u8>,
    /// How many bytes may be written.
    room: usize,
}

impl Read for Line {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.arriving.is_empty() {
            return match self.ended {
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let bytes = self.arriving.remove(0);
        room[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let count = all.len().min(self.room);
        self.sent.extend_from_slice(&all[..count]);
        self.room -= count;
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connection(line: Line) -> Connection<Line> {
    let now = Instant::now();
    Connection::new(line, now, now)
}

/// The datagrams of what was written.
fn datagrams(mut sent: Vec<u8>) -> Vec<Vec<u8>> {
    let mut rest = &mut sent[..];
    let mut datagrams = Vec::new();
    while let Some(datagram) = framing::take(&mut rest).unwrap() {
        datagrams.push(datagram.to_vec());
    }
    assert!(rest.is_empty(), "half a frame");
    datagrams
}

#[test]
fn a_run_leaves_as_one_frame_per_datagram_wherever_it_is_interrupted() {
    // More than one write's worth, with a short end.
    let run: Vec<u8> = (0..100 * 90 + 7).map(|at| (at / 90) as u8).collect();
    for step in [1, 2, 91, 92, 93, 5_000, usize::MAX] {
        let mut connection = connection(Line {
            room: step,
            ..Line::default()
        });
        assert_eq!(connection.send(Instant::now(), &run, 90).unwrap(), 0);
        while !connection.backlog.is_empty() {
            connection.stream.room = step;
            connection.flush().unwrap();
        }
        let received = datagrams(connection.stream.sent);
        assert!(
            received.iter().map(Vec::as_slice).eq(run.chunks(90)),
            "{step}"
        );
    }
}

#[test]
fn what_waits_stays_in_front() {
    let mut connection = connection(Line::default());
    assert_eq!(connection.send(Instant::now(), b"first", 1_200).unwrap(), 0);
    connection.stream.room = usize::MAX;
    assert_eq!(
        connection.send(Instant::now(), b"second", 1_200).unwrap(),
        0
    );
    assert_eq!(
        datagrams(connection.stream.sent),
        [&b"first"[..], b"second"]
    );
}

#[test]
fn a_client_that_reads_nothing_costs_half_a_mebibyte() {
    let mut connection = connection(Line::default());
    let mut dropped = 0;
    for _ in 0..1_000 {
        dropped += connection
            .send(Instant::now(), &[7; 60_000], 1_200)
            .unwrap();
    }
    connection.stream.room = usize::MAX;
    connection.flush().unwrap();
    assert!(connection.stream.sent.len() <= 512 << 10);
    let received = datagrams(connection.stream.sent).len() as u64;
    assert_eq!(received + dropped, 50_000);
}

#[test]
fn half_a_datagram_waits_for_the_other() {
    let mut connection = connection(Line {
        arriving: vec![b"\0".to_vec(), b"\x04ab".to_vec(), b"cd\0\x01e".to_vec()],
        ended: true,
        ..Line::default()
    });
    let mut received = Vec::new();
    let mut room = [0; 100];
    let now = Instant::now();
    while let Ok(Some(length)) = connection.read(now, &mut room) {
        let mut rest = &mut room[..length];
        while let Some(datagram) = framing::take(&mut rest).unwrap() {
            received.push(datagram.to_vec());
        }
        connection.keep(rest);
    }
    assert_eq!(received, [&b"abcd"[..], b"e"]);
    assert!(connection.read(now, &mut room).is_err(), "the end");
}

#[test]
fn it_ends_without_a_session_or_in_silence() {
    let start = Instant::now();
    let mut connection = connection(Line {
        arriving: vec![vec![0; 2]],
        ..Line::default()
    });
    connection.opened = start;
    let after = |seconds| start + Duration::from_secs(seconds);
    assert!(!connection.is_over(after(4), false));
    assert!(connection.is_over(after(5), false));
    assert!(connection.read(after(30), &mut [0; 100]).is_ok());
    assert!(!connection.is_over(after(89), true));
    assert!(connection.is_over(after(90), true));
}
