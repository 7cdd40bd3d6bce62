//! One exec in a session, and its output.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use protocol::request::Exec;
use protocol::response::WarmReplAck;
use protocol::{Error, Language, Response, Stream, Warmth};

use crate::channel::Token;
use crate::outcome::{self, Times};
use crate::output::Output;
use crate::scratch::Script;
use crate::send_queue::SendQueue;
use crate::sys;

/// Time limit for starting an interpreter with `warm_repl`.
const WARM_UP: Duration = Duration::from_secs(100);

/// The work for an interpreter.
#[derive(Debug)]
pub enum Work {
    /// Run code.
    Exec(Exec),
    /// Start, and run nothing.
    Warm(Language),
}

impl Work {
    /// Returns the language.
    pub fn language(&self) -> Language {
        match self {
            Self::Exec(exec) => exec.language,
            Self::Warm(language) => *language,
        }
    }

    /// Returns the time limit.
    fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Exec(exec) => exec.timeout,
            Self::Warm(_) => Some(WARM_UP),
        }
    }
}

/// A request that waits for an interpreter.
#[derive(Debug)]
pub struct Waiting {
    /// The `op_id` of the request.
    pub op_id: Option<String>,
    /// The work.
    pub work: Work,
    /// Time of the request.
    pub received: Instant,
}

/// The end of the code.
#[derive(Debug)]
struct End {
    code: u8,
    at: Instant,
    /// Unread bytes of each output at that time. Later output does not belong to the code.
    left: [usize; 2],
}

/// A request that runs in an interpreter.
#[derive(Debug)]
pub struct Job {
    op_id: Option<String>,
    received: Instant,
    begun: Instant,
    started: Instant,
    timeout: Option<Duration>,
    /// The language, if the job only starts the interpreter.
    warms: Option<Language>,
    outputs: [Output; 2],
    end: Option<End>,
    failure: Option<Error>,
    timed_out: bool,
    /// Whether the host has disconnected.
    abandoned: bool,
    token: Token,
    #[allow(dead_code)]
    /// Keeps the file with the code until the job is over.
    script: Option<Script>,
}

impl Job {
    /// Creates the job for a request.
    pub fn new(waiting: &Waiting, begun: Instant, token: Token, script: Option<Script>) -> Self {
        Self {
            op_id: waiting.op_id.clone(),
            received: waiting.received,
            begun,
            started: Instant::now(),
            timeout: waiting.work.timeout(),
            warms: match waiting.work {
                Work::Exec(_) => None,
                Work::Warm(language) => Some(language),
            },
            outputs: [Stream::Stdout, Stream::Stderr].map(Output::new),
            end: None,
            failure: None,
            timed_out: false,
            abandoned: false,
            token,
            script,
        }
    }

    /// Returns the `op_id` of the request.
    pub fn op_id(&self) -> Option<&str> {
        self.op_id.as_deref()
    }

    /// Returns the time of the request.
    pub fn received(&self) -> Instant {
        self.received
    }

    /// Returns whether the job only starts the interpreter.
    pub fn warms(&self) -> bool {
        self.warms.is_some()
    }

    /// Returns the token of the expected answer.
    pub fn awaits(&self) -> Option<&Token> {
        self.end.is_none().then_some(&self.token)
    }

    /// Returns whether the code still runs.
    pub fn runs(&self) -> bool {
        self.end.is_none()
    }

    /// Suppresses all responses, because the host has disconnected.
    pub fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Returns whether the job exceeded its time limit.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// Checks the time limit. Returns true when it is first exceeded.
    pub fn time_out(&mut self, now: Instant) -> bool {
        let is_over = self.deadline().is_some_and(|deadline| deadline <= now);
        self.timed_out |= is_over;
        is_over
    }

    fn deadline(&self) -> Option<Instant> {
        let runs = self.runs() && !self.timed_out;
        self.timeout
            .filter(|_| runs)
            .map(|time| self.started + time)
    }

    /// Records the end of the code. All its output is in the pipes now.
    pub fn end(&mut self, code: u8, now: Instant, pipes: &[Option<OwnedFd>; 2]) {
        if self.end.is_none() {
            let waiting = |pipe: &Option<OwnedFd>| {
                let waiting = pipe.as_ref().map(|pipe| sys::waiting(pipe.as_fd()));
                waiting.unwrap_or(0)
            };
            self.end = Some(End {
                code,
                at: now,
                left: [waiting(&pipes[0]), waiting(&pipes[1])],
            });
        }
    }

    /// Returns how many bytes of an output may be read: all, or the rest at the end of the code.
    pub fn room(&self, index: usize) -> usize {
        self.end.as_ref().map_or(usize::MAX, |end| end.left[index])
    }

    /// Returns whether the agent discards the output, and may therefore read it without room in the queue.
    pub fn discards(&self) -> bool {
        self.failure.is_some() || self.abandoned
    }

    /// Adds bytes of an output; no bytes mean that the pipe has no more.
    pub fn take(&mut self, index: usize, bytes: &[u8], now: Instant) {
        if let Some(end) = &mut self.end {
            end.left[index] -= bytes.len();
            if bytes.is_empty() {
                end.left[index] = 0;
            }
        }
        if self.discards() {
            return;
        }
        let output = &mut self.outputs[index];
        if !output.push(bytes, now) {
            self.failure = Some(output.exceeded());
        }
    }

    /// Returns the time of the next timer.
    pub fn wake_at(&self) -> Option<Instant> {
        let outputs = self.outputs.iter().map(Output::due);
        [self.deadline()].into_iter().chain(outputs).flatten().min()
    }

    /// Sends output that is due. Returns whether the job is over. Its last response is then in the queue.
    pub fn send(&mut self, now: Instant, queue: &mut SendQueue) -> bool {
        let is_over = self.end.as_ref().is_some_and(|end| end.left == [0, 0]);
        if self.abandoned {
            return is_over;
        }
        for output in &mut self.outputs {
            output.send_due(now, self.op_id.as_deref(), queue);
        }
        if is_over {
            self.finish(now, queue);
        }
        is_over
    }

    fn finish(&mut self, now: Instant, queue: &mut SendQueue) {
        let op_id = self.op_id.as_deref();
        let Some(end) = &self.end else {
            return;
        };
        if let Some(language) = self.warms {
            let failure = match (self.timed_out, end.code) {
                (true, _) => Some("the interpreter did not answer in time".to_owned()),
                (false, 0) => None,
                (false, code) => Some(format!("the interpreter ended with exit code {code}")),
            };
            queue.push(warmth(language, failure).to_line(op_id));
            return;
        }
        for output in &mut self.outputs {
            output.send_rest(op_id, queue);
        }
        // Code may handle SIGTERM and end by itself, which is not a failure.
        let was_ended = self.timed_out && [SIGTERM, SIGKILL].contains(&end.code);
        let timeout = was_ended.then(|| outcome::timeout(self.timeout));
        let response = match self.failure.take().or(timeout) {
            Some(failure) => Response::error(failure, Some("exec"), crate::VERSION),
            None => {
                let times = Times {
                    begun: self.begun,
                    started: self.started,
                    ended: end.at,
                    done: now,
                };
                outcome::complete(u64::from(end.code), &times)
            }
        };
        queue.push(response.to_line(op_id));
    }
}

/// Exit codes of processes that these signals ended.
const SIGTERM: u8 = 128 + 15;
const SIGKILL: u8 = 128 + 9;

/// Returns the response to `warm_repl`.
pub fn warmth(language: Language, failure: Option<String>) -> Response {
    WarmReplAck {
        language,
        status: if failure.is_none() {
            Warmth::Ok
        } else {
            Warmth::Error
        },
        message: failure,
    }
    .into()
}
