//! The relay without threads, sockets and HTTP: its engines run as tasks on the emulated network.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use participant::signalling::{Exchange, InProcess, OfferError, Session};
use participant::simulated::{self, Endpoint, Network};
use participant::{Door as Address, Refusal};
use protocol::{LessonId, Role, SeatId, Source};
use relay::control::{Control, CreateError, Created, Door, Publish, SessionId, View, Watch};
use relay::counters::Counters;
use relay::worker::engine::Engine;
use relay::worker::{Mail, Mailbox, Notice, Outlet, Post, Wake};
use relay_transport::{Identity, Path};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use url::Url;

use crate::wire::Wire;

/// Two, so that half of the viewers are not where the publisher is.
const WORKERS: u16 = 2;
/// Datagrams read at a time.
const BATCH: usize = 64;
/// A request and its response.
const HTTP: Duration = Duration::from_millis(20);

/// A relay that can be stopped and started again.
pub struct Relay {
    network: Network,
    pub wire: Arc<Wire>,
    running: Mutex<Option<Running>>,
    ended: Mutex<u32>,
    unreachable: Mutex<HashSet<IpAddr>>,
}

struct Running {
    control: Control,
    counters: Vec<Arc<Counters>>,
    forged: Vec<UnboundedSender<(Vec<u8>, SocketAddr)>>,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// A relay that runs.
    pub fn start(network: &Network) -> Arc<Self> {
        let relay = Self {
            network: network.clone(),
            wire: Arc::default(),
            running: Mutex::default(),
            ended: Mutex::default(),
            unreachable: Mutex::default(),
        };
        relay.restart();
        Arc::new(relay)
    }

    /// Its process is killed: nobody is told.
    pub fn kill(&self) {
        *self.running.lock().unwrap() = None;
    }

    /// A new process takes the place of the old one, at the same addresses.
    pub fn restart(&self) {
        self.kill();
        let identity = Arc::new(Identity::generate().unwrap());
        let (sender, notices) = unbounded_channel();
        let mut workers: Vec<_> = (0..WORKERS)
            .map(|index| Worker::new(usize::from(index), self))
            .collect();
        let doors = workers.iter().map(Worker::door).collect();
        let control = Control::new(identity.clone(), doors, 1_000);
        let posts: Vec<_> = workers.iter().map(|worker| worker.post.clone()).collect();
        let mut running = Running {
            control: control.clone(),
            counters: Vec::new(),
            forged: Vec::new(),
            _tasks: JoinSet::new(),
        };
        for worker in workers.drain(..) {
            let engine = Engine::new(worker.index, identity.clone(), worker.counters.clone());
            let (forge, forged) = unbounded_channel();
            running.counters.push(worker.counters.clone());
            running.forged.push(forge);
            running
                ._tasks
                .spawn(worker.run(engine, forged, posts.clone(), sender.clone()));
        }
        running._tasks.spawn(attend(control, notices));
        *self.running.lock().unwrap() = Some(running);
    }

    /// Where its workers are.
    pub fn addresses() -> impl Iterator<Item = SocketAddr> {
        (0..WORKERS).map(|index| SocketAddr::from(([192, 0, 2, 1], 7_000 + index)))
    }

    /// The sum of one counter over the workers.
    pub fn count(&self, counter: impl Fn(&Counters) -> u64) -> u64 {
        let running = self.running.lock().unwrap();
        let counters = running.iter().flat_map(|running| &running.counters);
        counters.map(|counters| counter(counters)).sum()
    }

    /// Publishers and viewers there are.
    pub fn sessions(&self) -> (usize, usize) {
        self.control().unwrap().sessions()
    }

    /// Sessions ended by their owners.
    pub fn ended(&self) -> u32 {
        *self.ended.lock().unwrap()
    }

    /// HTTP requests of this host get lost; its media is the network's affair.
    pub fn cut_off(&self, host: IpAddr) {
        self.unreachable.lock().unwrap().insert(host);
    }

    /// Hands every worker a datagram that seems to come from `from`.
    pub fn forge(&self, from: SocketAddr, datagram: &[u8]) {
        for forged in &self.running.lock().unwrap().as_ref().unwrap().forged {
            forged.send((datagram.to_vec(), from)).unwrap();
        }
    }

    /// Does what HTTP does with an offer of `host`.
    pub async fn answer(
        &self,
        host: IpAddr,
        url: &Url,
        offer: String,
    ) -> Result<Created, OfferError> {
        tokio::time::sleep(HTTP).await;
        let control = self
            .control_for(host)
            .ok_or_else(|| OfferError::Unreachable("no answer".to_owned()))?;
        let path: Vec<_> = url.path_segments().unwrap().collect();
        let seat = url.query().and_then(|query| query.strip_prefix("seat="));
        let seat: SeatId = seat.unwrap_or("teacher").parse().unwrap();
        let lesson = |name: &str| -> LessonId { name.parse().unwrap() };
        let source = |name: &str| -> Result<Source, OfferError> {
            let unknown = |_| refused(404, "there is no such source");
            name.parse().map_err(unknown)
        };
        let created = match path[..] {
            ["whip", name, of] => {
                let publish = Publish {
                    lesson: lesson(name),
                    source: source(of)?,
                    seat,
                    offer,
                };
                control.publish(publish).await
            }
            ["whep", name, ref of @ ..] => {
                let view = match of {
                    [] => View::Lesson,
                    of => View::Publication {
                        source: source(of[0])?,
                        seat: None,
                    },
                };
                let watch = Watch {
                    lesson: lesson(name),
                    view,
                    seat,
                    role: Role::Room,
                    offer,
                };
                control.watch(watch).await
            }
            _ => return Err(refused(404, "there is no such page")),
        };
        created.map_err(|error| match error {
            CreateError::Malformed(detail) => refused(400, &detail),
            CreateError::Unacceptable(detail) => refused(406, &detail),
            CreateError::Unavailable(detail) => refused(503, &detail),
        })
    }

    fn control_for(&self, host: IpAddr) -> Option<Control> {
        let reachable = !self.unreachable.lock().unwrap().contains(&host);
        self.control().filter(|_| reachable)
    }

    fn control(&self) -> Option<Control> {
        let running = self.running.lock().unwrap();
        running.as_ref().map(|running| running.control.clone())
    }
}

fn refused(status: u16, detail: &str) -> OfferError {
    OfferError::Refused(Refusal {
        status,
        detail: detail.to_owned(),
    })
}

/// What the participant on a host sees of a relay.
pub struct Reception(pub Arc<Relay>, pub IpAddr);

impl InProcess for Reception {
    fn offer(&self, door: Address, offer: String) -> Exchange {
        let (relay, host) = (self.0.clone(), self.1);
        Box::pin(async move {
            let Created { id, answer, .. } = relay.answer(host, &door.url, offer).await?;
            let resource = door.url.join(&format!("/sessions/{}", id.as_str()));
            Ok(Session {
                answer,
                resource: resource.ok(),
            })
        })
    }

    fn end(&self, _: Address, resource: Url) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (relay, host) = (self.0.clone(), self.1);
        Box::pin(async move {
            tokio::time::sleep(HTTP).await;
            let id = resource.path_segments().unwrap().next_back().unwrap();
            let Some(control) = relay.control_for(host) else {
                return;
            };
            if control.end(&SessionId::from(id.to_owned())).await.is_ok() {
                *relay.ended.lock().unwrap() += 1;
            }
        })
    }
}

async fn attend(control: Control, mut notices: UnboundedReceiver<Notice>) {
    while let Some(notice) = notices.recv().await {
        control.notice(notice);
    }
}

/// What `worker::driver` is to a thread.
struct Worker {
    index: usize,
    sockets: Sockets,
    mailbox: Mailbox,
    post: Post,
    wake: Arc<Notify>,
    counters: Arc<Counters>,
}

struct Sockets {
    endpoint: Endpoint,
    wire: Arc<Wire>,
}

impl Outlet for Sockets {
    fn send(&mut self, to: Path, contents: &[u8], segment: usize) {
        for datagram in contents.chunks(segment) {
            self.wire.leaves(to.address, datagram);
            self.endpoint.send_to(datagram, to.address);
        }
    }
}

impl Worker {
    fn new(index: usize, relay: &Relay) -> Self {
        let wake = Arc::new(Notify::new());
        let (post, mailbox) = Mailbox::new(Wake::Task(wake.clone()));
        let address = Relay::addresses().nth(index).unwrap();
        Self {
            index,
            sockets: Sockets {
                endpoint: relay.network.bind(address),
                wire: relay.wire.clone(),
            },
            mailbox,
            post,
            wake,
            counters: Arc::default(),
        }
    }

    fn door(&self) -> Door {
        Door {
            post: self.post.clone(),
            candidates: vec![Path::udp(self.sockets.endpoint.local_addr())],
            counters: self.counters.clone(),
        }
    }

    async fn run(
        mut self,
        mut engine: Engine,
        mut forged: UnboundedReceiver<(Vec<u8>, SocketAddr)>,
        posts: Vec<Post>,
        notices: UnboundedSender<Notice>,
    ) {
        loop {
            let due = engine.poll_timeout();
            let timeout = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let mut batch = Vec::new();
            tokio::select! {
                datagram = self.sockets.endpoint.recv_from() => batch.push(datagram),
                Some(datagram) = forged.recv() => batch.push(datagram),
                () = self.wake.notified() => {}
                () = timeout => {}
            }
            while batch.len() < BATCH
                && let Some(datagram) = waiting(&self.sockets.endpoint).await
            {
                batch.push(datagram);
            }
            let now = simulated::now();
            for (mut datagram, from) in batch {
                self.sockets.wire.arrives(from, &datagram);
                engine.handle_datagram(now, Path::udp(from), &mut datagram, &mut self.sockets);
            }
            while let Some(mail) = self.mailbox.next() {
                let stop = matches!(mail, Mail::Stop);
                engine.handle_mail(now, mail, &mut self.sockets);
                if stop {
                    return;
                }
            }
            engine.flush(now, &mut self.sockets);
            if engine.poll_timeout().is_some_and(|at| at <= now) {
                engine.handle_timeout(now, &mut self.sockets);
            }
            while let Some((worker, mail)) = engine.poll_mail() {
                posts[worker].send(mail).unwrap();
            }
            while let Some(notice) = engine.poll_notice() {
                let _ = notices.send(notice);
            }
        }
    }
}

/// A datagram that is there already.
async fn waiting(endpoint: &Endpoint) -> Option<(Vec<u8>, SocketAddr)> {
    tokio::select! {
        biased;
        datagram = endpoint.recv_from() => Some(datagram),
        () = std::future::ready(()) => None,
    }
}
