use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::{Fault, cbor, fault};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An HTTP server before another one, on a thread of its own.
#[derive(Debug)]
pub struct Front {
    endpoint: String,
    plan: Arc<Mutex<Plan>>,
    _end: oneshot::Sender<()>,
}

/// A request that has come by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The method and the path with its query, or the operation.
    pub what: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// What was done to it.
    pub fault: Fault,
}

#[derive(Debug, Default)]
struct Plan {
    only: String,
    faults: VecDeque<Fault>,
    always: Option<Fault>,
    seen: Vec<Seen>,
}

impl Front {
    /// Starts a front before the server at `behind`.
    pub fn before(behind: SocketAddr) -> Self {
        let plan = Arc::<Mutex<Plan>>::default();
        let (end, ended) = oneshot::channel::<()>();
        let (bound, address) = std::sync::mpsc::channel();
        let shared = Arc::clone(&plan);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener, behind, shared) => {}
                    _ = ended => {}
                }
            });
        });
        Self { endpoint: format!("http://{}", address.recv().unwrap()), plan, _end: end }
    }

    /// Returns the endpoint for the SDK.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Does this to the next requests, one fault each, whose operation or path has `only` in it.
    pub fn harm(&self, only: &str, faults: impl IntoIterator<Item = Fault>) {
        let mut plan = self.plan.lock().unwrap();
        only.clone_into(&mut plan.only);
        plan.faults = faults.into_iter().collect();
        plan.always = None;
    }

    /// Does this to all requests whose operation or path has `only` in it, until something else is asked for.
    pub fn harm_always(&self, only: &str, fault: Fault) {
        self.harm(only, []);
        self.plan.lock().unwrap().always = Some(fault);
    }

    /// Returns what has come by since the last call.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.plan.lock().unwrap().seen)
    }
}

async fn serve(listener: TcpListener, behind: SocketAddr, plan: Arc<Mutex<Plan>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        drop(stream.set_nodelay(true));
        let plan = Arc::clone(&plan);
        let service = service_fn(move |request| answer(request, behind, Arc::clone(&plan)));
        // A client that goes away is its own concern.
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(
    request: Request<Incoming>,
    behind: SocketAddr,
    plan: Arc<Mutex<Plan>>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::from_parts(head, body);
    let fault = plan.lock().unwrap().next(&request);
    match fault {
        Fault::Pass => Ok(whole(forward(request, behind).await?)),
        Fault::Error(code, status) => Ok(whole(fault::error(&request, code, status))),
        Fault::Status(status) => {
            let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
            Ok(whole(response.body(Bytes::new()).unwrap()))
        }
        Fault::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        Fault::Hang(time) => {
            tokio::time::sleep(time).await;
            Err(io::ErrorKind::TimedOut.into())
        }
        Fault::LostAnswer => {
            forward(request, behind).await?;
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Fault::HalfBody => Ok(broken(forward(request, behind).await?, None)),
        Fault::SlowBody(time) => Ok(broken(forward(request, behind).await?, Some(time))),
    }
}

impl Plan {
    fn next(&mut self, request: &Request<Bytes>) -> Fault {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let what = match operation {
            Some(operation) => operation.to_owned(),
            None => format!("{} {path}", request.method()),
        };
        let fault = if what.contains(&self.only) {
            self.faults.pop_front().or_else(|| self.always.clone()).unwrap_or(Fault::Pass)
        } else {
            Fault::Pass
        };
        self.seen.push(Seen { what, headers: request.headers().clone(), fault: fault.clone() });
        fault
    }
}

async fn forward(mut request: Request<Bytes>, behind: SocketAddr) -> io::Result<Response<Bytes>> {
    let is_cbor = cbor::is_cbor(&request);
    if is_cbor {
        cbor::to_json_request(&mut request);
    }
    let length = HeaderValue::from(request.body().len());
    let headers = request.headers_mut();
    for name in [header::TRANSFER_ENCODING, header::EXPECT, header::CONNECTION] {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_LENGTH, length);
    let is_head = request.method() == Method::HEAD;

    let stream = TcpStream::connect(behind).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let response = sender.send_request(request.map(Full::new)).await.map_err(io::Error::other)?;
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    for name in [header::TRANSFER_ENCODING, header::CONNECTION] {
        head.headers.remove(name);
    }
    let mut response = Response::from_parts(head, body);
    if is_cbor {
        cbor::from_json_response(&mut response);
    }
    if !is_head {
        let length = HeaderValue::from(response.body().len());
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    Ok(response)
}

fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

/// Sends half of the body, and then the rest after a while, or an end where none belongs.
fn broken(response: Response<Bytes>, pause: Option<Duration>) -> Response<Body> {
    response.map(|mut body| {
        let first = body.split_to(body.len() / 2);
        let pieces = [Some(first), pause.map(|_| body)];
        let stream = futures_util::stream::unfold((pieces, 0), move |(mut pieces, number)| async move {
            let piece = pieces.get_mut(number)?;
            if number == 1 {
                tokio::time::sleep(pause.unwrap_or_default()).await;
            }
            let frame = match piece.take() {
                Some(piece) => Ok(Frame::data(piece)),
                None => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            };
            Some((frame, (pieces, number + 1)))
        });
        StreamBody::new(stream).boxed_unsync()
    })
}
