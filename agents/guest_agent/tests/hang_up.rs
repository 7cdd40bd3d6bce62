//! Hosts that hang up in the middle of a request, on ports that stay: like those of virtio-serial, and unlike sockets,
//! named pipes outlive who writes to them, with what was written.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use agent::agent::Agent;
use agent::link::Link;
use agent::settings::Settings;
use serde_json::Value;

/// The two ports of an agent that runs until the test program ends.
struct Ports {
    folder: PathBuf,
}

/// A host on both.
struct Connection {
    requests: File,
    answers: BufReader<File>,
}

fn open(path: &Path, options: &mut OpenOptions) -> File {
    const O_NONBLOCK: i32 = 0o4000;
    options.custom_flags(O_NONBLOCK).open(path).unwrap()
}

impl Ports {
    fn new(name: &str) -> Self {
        let base = std::env::var_os("TEST_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = base.join(format!("ports-{}-{name}", std::process::id()));
        std::fs::create_dir_all(folder.join("home")).unwrap();
        let pipes = [folder.join("requests"), folder.join("answers")];
        assert!(Command::new("mkfifo")
            .args(&pipes)
            .status()
            .unwrap()
            .success());
        // A pipe is opened for writing only while somebody reads it.
        let reader = open(&pipes[1], OpenOptions::new().read(true));
        let answers = open(&pipes[1], OpenOptions::new().write(true));
        drop(reader);
        let requests = open(&pipes[0], OpenOptions::new().read(true));
        let settings = Settings {
            home: folder.join("home"),
            scratch: folder.join("scratch"),
            user: None,
            groups: None,
            grace: Duration::from_millis(300),
        };
        std::thread::spawn(move || {
            let link = Link::new(requests.into(), answers.into()).unwrap();
            Agent::new(settings, None, None).run(&link).unwrap();
        });
        Self { folder }
    }

    fn connect_requests(&self) -> File {
        let path = self.folder.join("requests");
        OpenOptions::new().write(true).open(path).unwrap()
    }

    fn connect(&self) -> Connection {
        let answers = File::open(self.folder.join("answers")).unwrap();
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

/// Pauses that let the agent see nothing, something, or everything of a hang-up.
fn pause(number: usize) {
    let microseconds = [0, 0, 100, 1000, 5000, 30_000][number % 6];
    std::thread::sleep(Duration::from_micros(microseconds));
}

#[test]
fn a_piece_of_a_request_spoils_nothing() {
    let request =
        br#"{"action":"exec","language":"raw","code":"echo \"{}\"","env_vars":{"A":"1"}}"#;
    let ports = Ports::new("piece");
    for number in 0..1000 {
        let mut host = ports.connect();
        host.send(&request[..number % request.len()]);
        pause(number);
        drop(host);
        pause(number / 6);
        ports.connect().ping();
    }
}

#[test]
fn what_a_host_asked_for_when_it_hung_up_is_not_done_for_the_next_one() {
    let ports = Ports::new("whole");
    let code = r#"{"action":"exec","language":"raw","code":"echo >> done"}"#;
    for _ in 0..20 {
        let mut host = ports.connect();
        host.ping();
        drop(host);
        // Nobody reads answers, so that nothing is done of what waits in the other port.
        let mut requests = ports.connect_requests();
        requests.write_all(format!("{code}\n").as_bytes()).unwrap();
        drop(requests);
        std::thread::sleep(Duration::from_millis(100));
        ports.connect().ping();
    }
    assert!(!ports.folder.join("home/done").exists());
}
