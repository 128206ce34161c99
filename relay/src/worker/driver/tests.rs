use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use relay_transport::Identity;
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::acceptor::Admission;

/// A thread of a worker without sessions, and what it counts.
fn worker() -> (Post, Reception, Arc<Counters>, JoinHandle<()>) {
    let counters = Arc::new(Counters::default());
    let driver = Driver::bind(&[], 0, counters.clone()).unwrap();
    let (post, reception) = (driver.post(), driver.reception());
    let identity = Arc::new(Identity::generate().unwrap());
    let engine = Engine::new(0, identity, counters.clone());
    let (notices, _) = unbounded_channel();
    let thread = driver.start(0, engine, vec![post.clone()], notices);
    (post, reception, counters, thread.unwrap())
}

/// A connection that the worker is handed.
fn connect(listener: &TcpListener, reception: &Reception) -> TcpStream {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, from) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let arrival = Arrival {
        stream,
        from,
        opened: Instant::now(),
        first: b"a check of no session".to_vec(),
        admitted: Admission::new(1).admit(from.ip()).unwrap(),
    };
    reception.send(arrival).unwrap();
    client
}

#[test]
fn a_connection_that_is_no_frames_is_closed_and_no_other() {
    let (post, reception, counters, thread) = worker();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut other = connect(&listener, &reception);
    let mut client = connect(&listener, &reception);
    let frames = b"\0\0\0\x03abc\0\x01\x80\0\0".repeat(10_000);
    client.write_all(&frames).unwrap();
    // Ends in what would be a frame of 18,245 bytes.
    client.write_all(b"GET / HTTP/1.1").unwrap();
    let end = client.read(&mut [0; 1]);
    assert!(end.is_err() || end.is_ok_and(|count| count == 0));
    assert_eq!(
        (counters.tcp_opened.get(), counters.tcp_refused.get()),
        (2, 0)
    );
    // The two first datagrams, and what the frames held.
    assert_eq!(counters.unknown_address.get(), 2 + 2 * 10_000);
    other.write_all(b"\xFF\xFF").unwrap();
    let end = other.read(&mut [0; 1]);
    assert!(end.is_err() || end.is_ok_and(|count| count == 0));
    post.send(Mail::Stop).unwrap();
    thread.join().unwrap();
    assert_eq!(counters.tcp_closed.get(), 2);
}

#[test]
fn a_destination_that_takes_nothing_spoils_no_runs_of_others() {
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let mut sockets = Driver::bind(&[loopback], 0, Arc::default())
        .unwrap()
        .sockets;
    let segments = sockets.all[0].state.max_gso_segments();
    let nowhere = SocketAddr::new(loopback, 0);
    for contents in [&[1; 100][..], &[1; 300]] {
        sockets.send(Path::udp(nowhere), contents, 100);
    }
    assert_eq!(sockets.counters.send_failures.get(), 4);
    assert_eq!(sockets.all[0].state.max_gso_segments(), segments);
    let receiver = UdpSocket::bind((loopback, 0)).unwrap();
    sockets.send(Path::udp(receiver.local_addr().unwrap()), &[1; 250], 100);
    let lens = [(); 3].map(|()| receiver.recv(&mut [0; 500]).unwrap());
    assert_eq!(lens, [100, 100, 50]);
}
