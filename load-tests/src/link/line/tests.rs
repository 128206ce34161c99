use std::net::UdpSocket;
use std::time::Duration;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn clean() -> Profile {
    Profile::parse("clean", "about = \"x\"\nseconds = 1\n").unwrap()
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let (size, from) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..size].to_vec(), from)
}

#[test]
fn each_client_is_somebody_of_its_own_to_the_server() {
    let line = Line::start(&clean(), 1).unwrap();
    let (server, clients) = (socket(), [socket(), socket()]);
    let any = "127.0.0.1:0".parse().unwrap();
    let gate = line.open(any, server.local_addr().unwrap()).unwrap();
    let mut seen = Vec::new();
    for (number, client) in clients.iter().enumerate() {
        client.send_to(&[number as u8; 100], gate).unwrap();
        let (bytes, from) = receive(&server);
        assert_eq!(bytes, [number as u8; 100]);
        seen.push(from);
    }
    assert_ne!(seen[0], seen[1]);
    assert!(!seen.contains(&gate));
    for (number, from) in seen.iter().enumerate() {
        server.send_to(&[10 + number as u8; 60], *from).unwrap();
        assert_eq!(
            receive(&clients[number]),
            (vec![10 + number as u8; 60], gate)
        );
    }
    let report = line.report().unwrap();
    assert_eq!((report.up.delivered, report.down.delivered), (2, 2));
    assert_eq!((report.clients, report.unsent, report.refused), (2, 0, 0));
}

#[test]
fn a_stranger_cannot_reach_a_client() {
    let line = Line::start(&clean(), 1).unwrap();
    let (server, client, stranger) = (socket(), socket(), socket());
    let gate = line
        .open_session([127, 0, 0, 1].into(), server.local_addr().unwrap())
        .unwrap();
    client.send_to(b"hello", gate).unwrap();
    let (_, inner) = receive(&server);
    stranger.send_to(b"psst", inner).unwrap();
    server.send_to(b"welcome", inner).unwrap();
    assert_eq!(receive(&client), (b"welcome".to_vec(), gate));
}

#[test]
fn packets_of_any_sizes_stay_whole_and_in_order() {
    let profile = "about = \"x\"\nseconds = 1\n[up]\ndelay = \"30ms\"\n";
    let line = Line::start(&Profile::parse("delay", profile).unwrap(), 1).unwrap();
    let (server, client) = (socket(), socket());
    let any = "127.0.0.1:0".parse().unwrap();
    let gate = line.open(any, server.local_addr().unwrap()).unwrap();
    // All of them wait for their delay together and leave in runs.
    let sizes = [1200, 1200, 1200, 400, 1200, 90, 1201, 1200, 1200, 7, 8];
    for (number, size) in sizes.iter().enumerate() {
        client.send_to(&vec![number as u8; *size], gate).unwrap();
    }
    for (number, size) in sizes.iter().enumerate() {
        assert_eq!(receive(&server).0, vec![number as u8; *size]);
    }
}

#[test]
fn the_tape_shows_what_entered_whether_or_not_it_arrives() {
    let profile = "about = \"x\"\nseconds = 1\n[down]\nloss = \"100%\"\n";
    let line = Line::start(&Profile::parse("lossy", profile).unwrap(), 1).unwrap();
    let (server, client) = (socket(), socket());
    let any = "127.0.0.1:0".parse().unwrap();
    let gate = line.open(any, server.local_addr().unwrap()).unwrap();
    client.send_to(b"hello", gate).unwrap();
    let (_, inner) = receive(&server);
    line.record().unwrap();
    let mut rtp = [0; 40];
    rtp[0] = 0x80;
    server.send_to(&rtp, inner).unwrap();
    while line.report().unwrap().down.lost == 0 {
        std::thread::yield_now();
    }
    let tape = line.take_tape().unwrap();
    assert_eq!(tape.marks.len(), 1);
    assert!(line.take_tape().unwrap().marks.is_empty());
}
