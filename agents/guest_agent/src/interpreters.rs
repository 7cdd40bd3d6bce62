//! The interpreters of sessions, at most one per language, and the requests that wait for them.
//!
//! They belong to no host. An interpreter that is idle when a host disconnects serves the next one. An interpreter that runs
//! code of a host that disconnects is killed.

use std::collections::VecDeque;
use std::time::Instant;

use protocol::{limits, Error, ErrorType, Language, Response};

use crate::config::Config;
use crate::interpreter::Interpreter;
use crate::job::{self, Waiting, Work};
use crate::send_queue::SendQueue;
use crate::sys::PollFd;
use crate::VERSION;

/// The interpreter of one language.
struct Slot {
    language: Language,
    interpreter: Option<Interpreter>,
    waiting: VecDeque<Waiting>,
}

/// All interpreters.
pub struct Interpreters {
    slots: [Slot; 3],
    /// Interpreters that have been killed and have yet to end.
    ending: Vec<Interpreter>,
}

impl Default for Interpreters {
    fn default() -> Self {
        let slot = |language| Slot {
            language,
            interpreter: None,
            waiting: VecDeque::new(),
        };
        Self {
            slots: [Language::Python, Language::JavaScript, Language::Raw].map(slot),
            ending: Vec::new(),
        }
    }
}

impl Interpreters {
    /// Accepts a request. It runs after the earlier ones of its language; the next step starts it.
    ///
    /// # Errors
    ///
    /// Too many requests wait for the language.
    pub fn take(&mut self, waiting: Waiting) -> Result<(), Error> {
        let language = waiting.work.language();
        for slot in &mut self.slots {
            if slot.language == language {
                if slot.waiting.len() >= limits::WAITING {
                    return Err(Error::new(ErrorType::Request, "too many requests wait"));
                }
                slot.waiting.push_back(waiting);
                break;
            }
        }
        Ok(())
    }

    /// Returns the number of requests that run or wait.
    pub fn count(&self) -> usize {
        let slots = self.slots.iter();
        slots
            .map(|slot| slot.waiting.len() + usize::from(slot.running().is_some()))
            .sum()
    }

    /// Returns whether a request with an `op_id` runs or waits.
    pub fn has(&self, op_id: &str) -> bool {
        self.slots.iter().any(|slot| {
            let waits = |waiting: &Waiting| waiting.op_id.as_deref() == Some(op_id);
            slot.runs(op_id) || slot.waiting.iter().any(waits)
        })
    }

    /// Sends a signal to the interpreter that runs the code of an `op_id`. Returns false if no interpreter does.
    pub fn signal(&self, op_id: &str, signal: i32) -> bool {
        let slot = self.slots.iter().find(|slot| slot.runs(op_id));
        let interpreter = slot.and_then(|slot| slot.interpreter.as_ref());
        if let Some(interpreter) = interpreter {
            interpreter.signal(signal);
        }
        interpreter.is_some()
    }

    /// Ends the request of an `op_id`. Kills the interpreter if the request runs. Returns false if there is no such request.
    pub fn cancel(&mut self, op_id: &str, queue: &mut SendQueue) -> bool {
        for slot in &mut self.slots {
            if slot.runs(op_id) {
                slot.interpreter.iter_mut().for_each(Interpreter::kill);
                return true;
            }
            let waits = |waiting: &Waiting| waiting.op_id.as_deref() == Some(op_id);
            if let Some(index) = slot.waiting.iter().position(waits) {
                if let Some(waiting) = slot.waiting.remove(index) {
                    let error = Error::new(
                        ErrorType::Execution,
                        "the request was cancelled before it ran",
                    );
                    refuse(&waiting, error, queue);
                }
                return true;
            }
        }
        false
    }

    /// Drops requests of earlier hosts, and kills interpreters that run their code. Requests from `since` on stay.
    pub fn hand_over(&mut self, since: Instant) {
        for slot in &mut self.slots {
            slot.waiting.retain(|waiting| waiting.received >= since);
            let job = slot.interpreter.as_mut().and_then(Interpreter::job_mut);
            let Some(job) = job.filter(|job| job.received() < since) else {
                continue;
            };
            job.abandon();
            if !job.warms() {
                self.ending.extend(slot.interpreter.take());
            }
        }
        self.ending.iter_mut().for_each(Interpreter::kill);
    }

    /// Kills all interpreters.
    pub fn kill_all(&mut self) {
        for slot in &mut self.slots {
            slot.waiting.clear();
            slot.interpreter = None;
        }
        self.ending.clear();
    }

    /// Returns whether a process is one of the interpreters.
    pub fn is_process(&self, process: i32) -> bool {
        self.all()
            .any(|interpreter| interpreter.is_process(process))
    }

    /// Adds the entries for `poll`.
    pub fn add_poll_entries<'a>(&'a self, entries: &mut Vec<PollFd<'a>>, queue: &SendQueue) {
        self.all()
            .for_each(|interpreter| interpreter.add_poll_entries(entries, queue));
    }

    /// Returns the time of the next timer.
    pub fn wake_at(&self) -> Option<Instant> {
        self.all().filter_map(Interpreter::wake_at).min()
    }

    fn all(&self) -> impl Iterator<Item = &Interpreter> {
        let slots = self.slots.iter();
        slots
            .filter_map(|slot| slot.interpreter.as_ref())
            .chain(&self.ending)
    }

    /// Does all work that is possible without waiting.
    pub fn step(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        queue: &mut SendQueue,
        config: &Config,
    ) {
        for slot in &mut self.slots {
            // When a job is over, start the next one at once.
            loop {
                let Some(interpreter) = &mut slot.interpreter else {
                    if !slot.start(now, queue, config) {
                        break;
                    }
                    continue;
                };
                let is_over = interpreter.step(now, buffer, queue);
                if interpreter.job().is_none() && !interpreter.is_idle() {
                    // `ending` keeps the interpreter until its process has ended.
                    interpreter.kill();
                    self.ending.extend(slot.interpreter.take());
                } else if interpreter.is_idle() {
                    if !slot.start(now, queue, config) {
                        break;
                    }
                } else if !is_over {
                    break;
                }
            }
        }
        let mut nothing = SendQueue::default();
        self.ending.retain_mut(|interpreter| {
            interpreter.step(now, buffer, &mut nothing);
            !interpreter.has_ended()
        });
    }
}

impl Slot {
    fn running(&self) -> Option<&job::Job> {
        self.interpreter.as_ref().and_then(Interpreter::job)
    }

    fn runs(&self, op_id: &str) -> bool {
        self.running()
            .is_some_and(|job| job.op_id() == Some(op_id) && job.runs())
    }

    /// Passes the next request to the idle interpreter, or to a new one. Returns false if no request waits.
    fn start(&mut self, now: Instant, queue: &mut SendQueue, config: &Config) -> bool {
        let Some(waiting) = self.waiting.pop_front() else {
            return false;
        };
        let result = match self.interpreter.take() {
            Some(interpreter) => Ok(interpreter),
            None => Interpreter::start(self.language, config),
        };
        let begun = result.and_then(|interpreter| {
            let interpreter = self.interpreter.insert(interpreter);
            interpreter.begin(&waiting, now, config)
        });
        if let Err(error) = begun {
            refuse(&waiting, error, queue);
        }
        true
    }
}

/// Responds that a request failed.
fn refuse(waiting: &Waiting, error: Error, queue: &mut SendQueue) {
    log!("{error}");
    let response = match &waiting.work {
        Work::Exec(_) => Response::error(error, Some("exec"), VERSION),
        Work::Warm(language) => job::warmth(*language, Some(error.message)),
    };
    queue.push(response.to_line(waiting.op_id.as_deref()));
}
