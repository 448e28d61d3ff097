//! The endpoint itself: requests that no client of AWS sends, restarts, and the cost of a request.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use stackwright_local::{Local, Options};

/// A connection that sends requests exactly as the test writes them.
struct Raw {
    stream: BufReader<TcpStream>,
}

impl Raw {
    fn open(url: &str) -> Self {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Sends a head and a body; returns the status and the body of the answer.
    fn send(&mut self, head: &str, body: &[u8]) -> (u16, String) {
        let head = head.trim_end().replace('\n', "\r\n");
        // In one piece: the system would hold back a second one until the first is acknowledged.
        let request = [format!("{head}\r\n\r\n").as_bytes(), body].concat();
        self.stream.get_mut().write_all(&request).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).unwrap() == 0 {
                return (0, String::new());
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// An operation of CloudFormation.
    fn call(&mut self, form: &str) -> (u16, String) {
        let head = format!(
            "POST / HTTP/1.1\nhost: 127.0.0.1\ncontent-type: application/x-www-form-urlencoded\ncontent-length: {}",
            form.len()
        );
        self.send(&head, form.as_bytes())
    }
}

fn in_directory(directory: &Path) -> Options {
    Options::new().directory(directory)
}

const TEMPLATE: &str = "%7B%22Resources%22:%7B%22T%22:%7B%22Type%22:%22AWS::SNS::Topic%22%7D%7D%7D";

fn create(name: &str) -> String {
    format!("Action=CreateStack&Version=2010-05-15&StackName={name}&TemplateBody={TEMPLATE}")
}

const LIST: &str = "Action=DescribeStacks&Version=2010-05-15";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_belongs_to_one_endpoint_and_outlives_it() {
    let directory = tempfile::tempdir().unwrap();
    let first = Local::start(in_directory(directory.path())).await.unwrap();
    let (status, body) = Raw::open(&first.url()).call(&create("kept"));
    assert_eq!(status, 200, "{body}");
    let error = Local::start(in_directory(directory.path())).await.unwrap_err().to_string();
    assert!(
        error.contains(&format!("in use by process {} at {}", std::process::id(), first.url())),
        "{error}"
    );
    drop(first);
    let second = Local::start(in_directory(directory.path())).await.unwrap();
    let (_, body) = Raw::open(&second.url()).call(LIST);
    assert!(body.contains("<StackName>kept</StackName>") && body.contains("CREATE_COMPLETE"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_other_sites_and_too_large_ones_are_refused() {
    let local = Local::start(Options::default()).await.unwrap();
    let status = |head: &str| Raw::open(&local.url()).send(head, b"").0;
    assert_eq!(status("GET /_local/health HTTP/1.1\nhost: 127.0.0.1"), 200);
    assert_eq!(status("GET /_local/health HTTP/1.1\nhost: example.com"), 403);
    assert_eq!(status("GET /_local/health HTTP/1.1\nhost: 127.0.0.1\norigin: https://example.com"), 403);
    assert_eq!(status("PUT /bucket/key HTTP/1.1\nhost: 127.0.0.1\ncontent-length: 99999999999"), 413);
    let deep = format!("{}=1", "a.".repeat(200_000));
    let (status, body) = Raw::open(&local.url()).call(&deep);
    assert!(status == 400 && body.contains("MalformedQueryString"), "{status} {body}");
    let token = "Action=ListStacks&Version=2010-05-15&NextToken=99999999999999999999999";
    assert_eq!(Raw::open(&local.url()).call(token).0, 400);
    assert_eq!(Raw::open(&local.url()).call(LIST).0, 200, "it still answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_it_takes_wait_and_do_not_stop_it() {
    let local = Local::start(Options::default()).await.unwrap();
    let idle: Vec<_> = (0..200).map(|_| Raw::open(&local.url())).collect();
    assert_eq!(Raw::open(&local.url()).call(LIST).0, 200);
    drop(idle);
    assert_eq!(Raw::open(&local.url()).call(LIST).0, 200);
}

/// A client that waits before it repeats a request uses its connection again. The AWS SDK for Rust keeps an idle one for 90 s.
#[tokio::test]
async fn an_idle_connection_stays_open_as_long_as_clients_keep_it() {
    let local = Local::start(Options::default()).await.unwrap();
    let list = async |mut connection: Raw| {
        let answer = tokio::task::spawn_blocking(move || (connection.call(LIST).0, connection));
        answer.await.unwrap()
    };
    let (status, connection) = list(Raw::open(&local.url())).await;
    assert_eq!(status, 200);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(95)).await;
    tokio::time::resume();
    // The endpoint has time to close what it would close.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(list(connection).await.0, 200);
}

/// The cost of a request depends on its changes, not on the size of the state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_of_many_stacks_costs_about_what_the_first_did() {
    const STACKS: usize = 600;
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(in_directory(directory.path())).await.unwrap();
    let mut connection = Raw::open(&local.url());
    let mut times = Vec::new();
    for number in 0..STACKS {
        let begun = Instant::now();
        assert_eq!(connection.call(&create(&format!("stack-{number}"))).0, 200);
        times.push(begun.elapsed());
    }
    // The median of each hundred: another process on this machine may stop single requests.
    let median = |times: &[Duration]| {
        let mut sorted = times.to_vec();
        sorted.sort();
        sorted[sorted.len() / 2]
    };
    let (first, last) = (median(&times[..100]), median(&times[STACKS - 100..]));
    eprintln!(
        "median of a CreateStack: {first:?} among the first hundred, {last:?} among the last of {STACKS}"
    );
    assert!(last < first * 4, "{first:?} {last:?}");
}
