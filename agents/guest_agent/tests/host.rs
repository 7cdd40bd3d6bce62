//! A host for tests. It drives an agent in another thread through a pair of sockets.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use agent::agent::Agent;
use agent::config::Config;
use agent::ports::Ports;
use agent::preparation::Preparation;
use serde_json::{json, Value};

/// A host that is connected to an agent. Dropping it disconnects.
pub struct Host {
    requests: Option<UnixStream>,
    answers: Option<BufReader<UnixStream>>,
    changes: Option<UnixStream>,
    agent: Option<JoinHandle<Agent>>,
    directory: PathBuf,
}

/// Returns the configuration of an agent with a short grace period, whose files are in a directory.
pub fn config(directory: &Path) -> Config {
    Config {
        home: directory.join("home"),
        scratch: directory.join("scratch"),
        user: None,
        groups: None,
        grace: Duration::from_millis(300),
    }
}

/// The responses to a request.
#[derive(Debug, Default)]
pub struct Outcome {
    pub stdout: String,
    pub stderr: String,
    /// The last response.
    pub end: Value,
}

impl Host {
    /// Starts an agent whose grace period is short.
    pub fn new() -> Self {
        Self::with_preparation(Preparation::none())
    }

    /// Starts such an agent with a preparation.
    pub fn with_preparation(preparation: Preparation) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let base = std::env::var_os("TEST_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let directory = base.join(format!("agent-{}-{number}", std::process::id()));
        std::fs::create_dir_all(directory.join("home")).unwrap();
        let mut host = Self {
            requests: None,
            answers: None,
            changes: None,
            agent: None,
            directory,
        };
        host.connect(Agent::new(config(&host.directory), None, preparation));
        host
    }

    fn connect(&mut self, mut agent: Agent) {
        let (requests, theirs) = UnixStream::pair().unwrap();
        let (answers, ours) = UnixStream::pair().unwrap();
        answers
            .set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        let (changes, notifications) = UnixStream::pair().unwrap();
        notifications.set_nonblocking(true).unwrap();
        let mut ports = Ports::new(theirs.into(), ours.into()).unwrap();
        ports.changes = Some(notifications.into());
        self.changes = Some(changes);
        self.requests = Some(requests);
        self.answers = Some(BufReader::new(answers));
        self.agent = Some(std::thread::spawn(move || {
            crate::on_agent_thread();
            agent.serve(&ports).unwrap();
            agent
        }));
    }

    /// Disconnects and connects again.
    pub fn reconnect(&mut self) {
        let agent = self.hang_up();
        self.connect(agent);
    }

    /// Disconnects and returns the agent.
    pub fn hang_up(&mut self) -> Agent {
        self.requests = None;
        self.answers = None;
        self.agent.take().unwrap().join().unwrap()
    }

    /// Notifies the agent of connects and disconnects, without changing the sockets. A notification has the length of a
    /// signal of `signalfd`.
    pub fn notify_changes(&mut self, count: usize) {
        let signals = vec![0; 128 * count];
        self.changes.as_mut().unwrap().write_all(&signals).unwrap();
    }

    /// Waits until the agent ends the session, and continues as the next host.
    pub fn be_the_next(&mut self) {
        let agent = self.wait_for_end();
        self.connect(agent);
    }

    /// Waits until the agent ends the session, and returns the agent.
    pub fn wait_for_end(&mut self) -> Agent {
        self.agent.take().unwrap().join().unwrap()
    }

    /// Returns a file's path in the home of user code.
    pub fn home(&self, name: &str) -> PathBuf {
        self.directory.join("home").join(name)
    }

    /// Returns the number of scripts in the scratch directory.
    pub fn scripts(&self) -> usize {
        std::fs::read_dir(self.directory.join("scratch")).map_or(0, Iterator::count)
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.requests.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Receives one response.
    pub fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.answers.as_mut().unwrap().read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Sends a request.
    pub fn request(&mut self, request: &Value) {
        self.send(format!("{request}\n").as_bytes());
    }

    /// Sends a shell program. By default it runs without a session; `more` adds fields.
    pub fn start(&mut self, code: &str, more: &Value) {
        let mut request =
            json!({"action": "exec", "language": "raw", "code": code, "session": false});
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        self.request(&request);
    }

    /// Receives responses up to the last one of a request.
    pub fn outcome(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            let answer = self.receive();
            let chunk = answer["chunk"].as_str().unwrap_or_default();
            match answer["type"].as_str() {
                Some("stdout") => outcome.stdout += chunk,
                Some("stderr") => outcome.stderr += chunk,
                _ => {
                    outcome.end = answer;
                    return outcome;
                }
            }
        }
    }

    /// Runs a shell program to its end.
    pub fn run(&mut self, code: &str, more: &Value) -> Outcome {
        self.start(code, more);
        self.outcome()
    }

    /// Sends a ping and receives the pong.
    pub fn ping(&mut self) {
        self.request(&json!({"action": "ping"}));
        assert_eq!(self.receive()["type"], "pong");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.agent.is_some() {
            self.hang_up();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Waits until a process has ended. A newline may follow its number.
pub fn wait_for_end(process: &str) {
    let status = PathBuf::from(format!("/proc/{}/stat", process.trim()));
    // A zombie has ended, too.
    while std::fs::read_to_string(&status).is_ok_and(|text| !text.contains(") Z ")) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Base64, as hosts write it.
pub mod base64 {
    use ::base64::engine::general_purpose::STANDARD;
    use ::base64::Engine;

    /// Encodes bytes.
    pub fn encode(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }

    /// Decodes text.
    pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
        STANDARD.decode(text).ok()
    }
}
