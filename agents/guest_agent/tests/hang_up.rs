//! Tests of hosts that disconnect in the middle of a request. They use named pipes: like virtio-serial ports, and unlike
//! sockets, pipes and their data outlive a writer.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use agent::agent::Agent;
use agent::ports::Ports;
use agent::preparation::Preparation;
use serde_json::Value;

use crate::host::config;

/// The named pipes of an agent that runs until the test program ends.
struct Pipes {
    directory: PathBuf,
}

/// A host that is connected to both pipes.
struct Connection {
    requests: File,
    answers: BufReader<File>,
}

fn open(path: &Path, options: &mut OpenOptions) -> File {
    const O_NONBLOCK: i32 = 0o4000;
    options.custom_flags(O_NONBLOCK).open(path).unwrap()
}

impl Pipes {
    fn new(name: &str) -> Self {
        let base = std::env::var_os("TEST_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let directory = base.join(format!("ports-{}-{name}", std::process::id()));
        std::fs::create_dir_all(directory.join("home")).unwrap();
        let paths = [directory.join("requests"), directory.join("answers")];
        assert!(Command::new("mkfifo")
            .args(&paths)
            .status()
            .unwrap()
            .success());
        // Opening a pipe for writing requires a reader.
        let reader = open(&paths[1], OpenOptions::new().read(true));
        let answers = open(&paths[1], OpenOptions::new().write(true));
        drop(reader);
        let requests = open(&paths[0], OpenOptions::new().read(true));
        let config = config(&directory);
        std::thread::spawn(move || {
            let ports = Ports::new(requests.into(), answers.into()).unwrap();
            Agent::new(config, None, Preparation::none())
                .run(&ports)
                .unwrap();
        });
        Self { directory }
    }

    fn connect_requests(&self) -> File {
        let path = self.directory.join("requests");
        OpenOptions::new().write(true).open(path).unwrap()
    }

    fn connect(&self) -> Connection {
        let answers = File::open(self.directory.join("answers")).unwrap();
        Connection {
            requests: self.connect_requests(),
            answers: BufReader::new(answers),
        }
    }
}

impl Connection {
    fn send(&mut self, bytes: &[u8]) {
        self.requests.write_all(bytes).unwrap();
    }

    fn ping(&mut self) {
        self.send(b"{\"action\":\"ping\"}\n");
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["type"], "pong", "{answer}");
    }
}

/// Sleeps, so that the agent notices nothing, a part, or all of a disconnect.
fn pause(number: usize) {
    let microseconds = [0, 0, 100, 1000, 5000, 30_000][number % 6];
    std::thread::sleep(Duration::from_micros(microseconds));
}

#[test]
fn truncated_request_does_not_affect_next_host() {
    let request =
        br#"{"action":"exec","language":"raw","code":"echo \"{}\"","env_vars":{"A":"1"}}"#;
    let pipes = Pipes::new("piece");
    for number in 0..1000 {
        let mut host = pipes.connect();
        host.send(&request[..number % request.len()]);
        pause(number);
        drop(host);
        pause(number / 6);
        pipes.connect().ping();
    }
}

#[test]
fn request_before_disconnect_does_not_run() {
    let pipes = Pipes::new("whole");
    let code = r#"{"action":"exec","language":"raw","code":"echo >> done"}"#;
    for _ in 0..20 {
        let mut host = pipes.connect();
        host.ping();
        drop(host);
        // While nobody reads responses, the agent does not handle requests.
        let mut requests = pipes.connect_requests();
        requests.write_all(format!("{code}\n").as_bytes()).unwrap();
        drop(requests);
        std::thread::sleep(Duration::from_millis(100));
        pipes.connect().ping();
    }
    assert!(!pipes.directory.join("home/done").exists());
}
