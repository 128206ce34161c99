use tokio::io::AsyncWriteExt;

use super::*;
use crate::worker::driver::Arrivals;
use crate::worker::{Mailbox, Wake};

/// An acceptor of two workers, at work.
struct Scene {
    address: SocketAddr,
    arrivals: [Arrivals; 2],
    counters: Arc<Counters>,
    _accepting: JoinSet<io::Result<()>>,
}

fn scene(limit: usize) -> Scene {
    let [(first, first_arrivals), (second, second_arrivals)] = [(); 2].map(|()| {
        let (post, _) = Mailbox::new(Wake::Task(Arc::default()));
        Reception::new(post)
    });
    let counters = Arc::new(Counters::default());
    let acceptor = Acceptor::bind(
        &[[127, 0, 0, 1].into()],
        0,
        Admission::new(limit),
        vec![first, second],
        counters.clone(),
    )
    .unwrap();
    let address = acceptor.addresses().next().unwrap();
    let mut accepting = JoinSet::new();
    accepting.spawn(acceptor.run());
    Scene {
        address,
        arrivals: [first_arrivals, second_arrivals],
        counters,
        _accepting: accepting,
    }
}

impl Scene {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What a worker is handed once the acceptor has looked at it.
    async fn arrival(&self, worker: usize) -> Arrival {
        loop {
            match self.arrivals[worker].try_recv() {
                Ok(arrival) => return arrival,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

/// A binding request that names a session of `worker`, framed.
fn check(worker: usize) -> Vec<u8> {
    let ufrag = relay_transport::Credentials::labelled(worker).ufrag;
    let mut name = format!("{ufrag}:client").into_bytes();
    let length = name.len() as u8;
    name.resize(name.len().next_multiple_of(4), 0);
    let mut check = vec![0, 1, 0, 4 + name.len() as u8, 0x21, 0x12, 0xA4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, length]);
    check.extend(name);
    let header = framing::header(&check).unwrap();
    [&header[..], &check].concat()
}

/// Resolves when the relay has closed its end.
async fn closed(mut stream: TcpStream) {
    // Closing with something unread resets.
    let end = stream.read(&mut [0; 16]).await;
    assert!(end.is_err() || end.is_ok_and(|count| count == 0));
}

#[tokio::test]
async fn a_connection_goes_to_the_worker_of_its_session() {
    let scene = scene(10);
    for worker in [1, 0] {
        let mut stream = scene.connect().await;
        let check = check(worker);
        stream.write_all(&check).await.unwrap();
        stream.write_all(b"more").await.unwrap();
        let arrival = scene.arrival(worker).await;
        assert_eq!(arrival.first, check[2..]);
        assert_eq!(arrival.from, stream.local_addr().unwrap());
        let mut rest = [0; 4];
        let mut stream = TcpStream::from_std(arrival.stream).unwrap();
        stream.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"more", "what follows is left to the worker");
    }
    assert_eq!(scene.counters.tcp_refused.get(), 0);
}

#[tokio::test]
async fn a_first_datagram_may_come_in_pieces() {
    let scene = scene(10);
    let mut stream = scene.connect().await;
    stream.set_nodelay(true).unwrap();
    let check = check(0);
    for byte in &check {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.arrival(0).await.first, check[2..]);
}

#[tokio::test]
async fn what_names_no_session_is_closed() {
    let scene = scene(10);
    let mut unknown_worker = check(2);
    let mut response = check(0);
    response[2] = 1;
    let others: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"\0\0",
        b"\0\x02\0\x01",
        &mut response,
        &mut unknown_worker,
    ];
    for (count, other) in (1..).zip(others) {
        let mut stream = scene.connect().await;
        stream.write_all(other).await.unwrap();
        closed(stream).await;
        assert_eq!(scene.counters.tcp_refused.get(), count, "{other:?}");
    }
    assert!(
        scene
            .arrivals
            .iter()
            .all(|worker| worker.try_recv().is_err())
    );
}

#[tokio::test]
async fn a_client_that_leaves_at_once_is_counted() {
    let scene = scene(10);
    let mut stream = scene.connect().await;
    stream.write_all(&check(0)[..10]).await.unwrap();
    drop(stream);
    while scene.counters.tcp_refused.get() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed_in_the_end() {
    let scene = scene(10);
    let start = tokio::time::Instant::now();
    closed(scene.connect().await).await;
    assert!(start.elapsed() >= GREETING);
}

#[tokio::test]
async fn there_is_no_connection_beyond_the_limit_until_one_ends() {
    let scene = scene(1);
    let mut first = scene.connect().await;
    first.write_all(&check(0)).await.unwrap();
    let arrival = scene.arrival(0).await;
    closed(scene.connect().await).await;
    drop(arrival);
    let mut next = scene.connect().await;
    next.write_all(&check(0)).await.unwrap();
    scene.arrival(0).await;
    assert_eq!(scene.counters.tcp_refused.get(), 1);
}
