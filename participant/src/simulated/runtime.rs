//! The library's runtime on tokio's clock, with sockets in memory.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime,
    TokioRuntime, Transmit,
};

use super::{Endpoint, Network};

#[derive(Debug)]
pub(super) struct Simulated(pub(super) Network);

impl Runtime for Simulated {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let endpoint = self.0.bind(socket.local_addr()?);
        Ok(Arc::new(Socket {
            endpoint,
            _reservation: socket,
        }))
    }

    fn wrap_tcp_listener(&self, _: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect_tcp<'a>(
        &'a self,
        _: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        Box::pin(async move { Ok(host.parse().into_iter().collect()) })
    }

    fn now(&self) -> Instant {
        super::now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn name(&self) -> &'static str {
        "simulated"
    }
}

#[derive(Debug)]
struct Socket {
    endpoint: Endpoint,
    /// Keeps the kernel from giving the same port to somebody else.
    _reservation: std::net::UdpSocket,
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.endpoint.local_addr())
    }

    fn poll_send(&self, _: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let segment = transmit
            .segment_size
            .filter(|size| *size > 0)
            .unwrap_or(usize::MAX);
        for datagram in transmit.contents.chunks(segment) {
            self.endpoint.send_to(datagram, transmit.destination);
        }
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        let address = self.endpoint.local_addr();
        self.endpoint
            .network
            .poll_receive(address, context)
            .map(|datagram| {
                let len = datagram.bytes.len().min(buffer.len());
                buffer[..len].copy_from_slice(&datagram.bytes[..len]);
                *meta = RecvMeta::default();
                meta.addr = datagram.from;
                meta.len = len;
                meta.stride = len.max(1);
                meta.dst_ip = Some(address.ip());
                Ok(1)
            })
    }
}
