//! Connections: bounded in number, in time and in memory.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Shared;
use super::answer::{Incomplete, Received, answer};
use super::render::plain;

/// The maximum number of bytes in the body of a request: an asset that is uploaded in one part.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// The maximum size of the bodies of all requests together, in MiB.
const MAX_TOTAL_BODY_MIB: u32 = 512;

/// The maximum number of connections at a time. Further connections wait until another connection is closed.
const MAX_CONNECTIONS: usize = 256;

/// The maximum time in which a client has to send the headers, and the body. The time for the headers starts at the end of the
/// previous answer, so that it limits idle connections as well. It is longer than the 90 s for which the AWS SDK for Rust keeps
/// an idle connection, and than the 20 s that an SDK waits at most before it repeats a request: otherwise, the endpoint would
/// close a connection at the moment at which a client uses it again.
const HEADER_TIMEOUT: Duration = Duration::from_secs(120);
const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// The time that the endpoint waits after it could not accept a connection, for example because no file descriptor was free.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The state that all connections share.
#[derive(Clone)]
struct Limits {
    connections: Arc<Semaphore>,
    /// One permit for each MiB.
    memory: Arc<Semaphore>,
}

/// Serves connections until the task is aborted; their tasks end with it.
pub(super) async fn listen(listener: TcpListener, engine: Shared) {
    let limits = Limits {
        connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        memory: Arc::new(Semaphore::new(MAX_TOTAL_BODY_MIB as usize)),
    };
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&limits.connections).acquire_owned().await else { return };
        let stream = match accept(&listener).await {
            Ok(stream) => stream,
            Err(_) => {
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let (engine, memory) = (Arc::clone(&engine), Arc::clone(&limits.memory));
        tasks.spawn(async move {
            serve(stream, engine, memory).await;
            drop(permit);
        });
    }
}

async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    listener.accept().await.map(|(stream, _)| stream)
}

async fn serve(stream: TcpStream, engine: Shared, memory: Arc<Semaphore>) {
    // Send responses without delay. If the connection does not support this option, ignore the error.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| receive(request, Arc::clone(&engine), Arc::clone(&memory)));
    // An error concerns only this connection: the client closed it, or was too slow.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Receives the body of a request, and sends the response.
async fn receive(
    request: Request<Incoming>,
    engine: Shared,
    memory: Arc<Semaphore>,
) -> Result<Response<Full<Bytes>>, Incomplete> {
    let (parts, body) = request.into_parts();
    let announced = body.size_hint().upper().unwrap_or(MAX_BODY_BYTES as u64);
    if announced > MAX_BODY_BYTES as u64 {
        return Ok(too_large());
    }
    let mib = u32::try_from(announced / (1024 * 1024) + 1).unwrap_or(MAX_TOTAL_BODY_MIB);
    let Ok(_permit) = memory.acquire_many_owned(mib.min(MAX_TOTAL_BODY_MIB)).await else {
        return Err(Incomplete);
    };
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    let body = match collected {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Ok(too_large()),
        _ => return Err(Incomplete),
    };
    answer(Received { parts, body }, engine).await
}

fn too_large() -> Response<Full<Bytes>> {
    let body = "<Error><Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the maximum size of a request in local \
                mode, 256 MiB. Use a multipart upload.</Message></Error>";
    plain(413, "application/xml", body)
}
