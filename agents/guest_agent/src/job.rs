//! One exec in an interpreter that stays, and what it prints.

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

/// How long an interpreter has until it waits for code, if nothing else is to run in it.
const WARM_UP: Duration = Duration::from_secs(100);

/// What an interpreter is asked for.
#[derive(Debug)]
pub enum Work {
    /// Code.
    Exec(Exec),
    /// Nothing, but to be there.
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

    /// Returns when the agent ends it, from its start on.
    fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Exec(exec) => exec.timeout,
            Self::Warm(_) => Some(WARM_UP),
        }
    }
}

/// A request that waits for its interpreter.
#[derive(Debug)]
pub struct Waiting {
    /// The name that its responses carry.
    pub op_id: Option<String>,
    /// What is asked for.
    pub work: Work,
    /// When the request came.
    pub came: Instant,
}

/// How the code ended.
#[derive(Debug)]
struct End {
    code: u8,
    at: Instant,
    /// Bytes that each of the two outputs had then: what comes later is not the code's.
    left: [usize; 2],
}

/// A request that runs in an interpreter.
#[derive(Debug)]
pub struct Job {
    op_id: Option<String>,
    came: Instant,
    begun: Instant,
    started: Instant,
    timeout: Option<Duration>,
    /// The language, if nothing but the interpreter is asked for.
    warms: Option<Language>,
    outputs: [Output; 2],
    end: Option<End>,
    failure: Option<Error>,
    timed_out: bool,
    /// Whether nobody wants to know about it.
    abandoned: bool,
    token: Token,
    #[allow(dead_code)]
    /// Held, not read: the code's file lives as long as the job.
    script: Option<Script>,
}

impl Job {
    /// Makes the job of a request that an interpreter has been given.
    pub fn new(waiting: &Waiting, begun: Instant, token: Token, script: Option<Script>) -> Self {
        Self {
            op_id: waiting.op_id.clone(),
            came: waiting.came,
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

    /// Returns the name that its responses carry.
    pub fn op_id(&self) -> Option<&str> {
        self.op_id.as_deref()
    }

    /// Returns when the request came.
    pub fn came(&self) -> Instant {
        self.came
    }

    /// Returns whether no code of a host runs in it.
    pub fn warms(&self) -> bool {
        self.warms.is_some()
    }

    /// Returns the token of the answer that is waited for.
    pub fn awaits(&self) -> Option<&Token> {
        self.end.is_none().then_some(&self.token)
    }

    /// Returns whether the code has not ended.
    pub fn runs(&self) -> bool {
        self.end.is_none()
    }

    /// Forgets who asked.
    pub fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Returns whether the interpreter got SIGTERM for it.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// Notes that the time is over. Returns false if it is not, or was already.
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

    /// Notes that the code has ended; what it has printed by now is in the pipes.
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

    /// Returns how much of an output may be read: all of it, or what was left at the end of the code.
    pub fn room(&self, index: usize) -> usize {
        self.end.as_ref().map_or(usize::MAX, |end| end.left[index])
    }

    /// Returns whether an output is thrown away, so that it may be read whether or not the host takes anything.
    pub fn discards(&self) -> bool {
        self.failure.is_some() || self.abandoned
    }

    /// Takes what was read of an output; nothing means that there is no more.
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

    /// Returns when there is something to do though nothing happens.
    pub fn wake_at(&self) -> Option<Instant> {
        let outputs = self.outputs.iter().map(Output::due);
        [self.deadline()].into_iter().chain(outputs).flatten().min()
    }

    /// Sends what is due of the output. Returns whether the job is over, its last response in the queue.
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
                (true, _) => Some("it did not answer in time".to_owned()),
                (false, 0) => None,
                (false, code) => Some(format!("it ended with exit code {code}")),
            };
            queue.push(warmth(language, failure).to_line(op_id));
            return;
        }
        for output in &mut self.outputs {
            output.send_rest(op_id, queue);
        }
        // Code that handles SIGTERM and ends by itself has an end like any other.
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

/// Exit codes of a process that these signals ended.
const SIGTERM: u8 = 128 + 15;
const SIGKILL: u8 = 128 + 9;

/// Returns the response that an interpreter is there, or why it is not.
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
