//! The interpreters that stay: at most one of each language, and the requests that wait for them.
//!
//! They belong to no host. One that is idle when a host goes is there for the next, who may be the one that had it
//! warmed. One that runs code of a host that goes is ended.

use std::collections::VecDeque;
use std::time::Instant;

use protocol::{limits, Error, ErrorType, Language, Response};

use crate::interpreter::Interpreter;
use crate::job::{self, Waiting, Work};
use crate::send_queue::SendQueue;
use crate::settings::Settings;
use crate::sys::PollFd;
use crate::VERSION;

/// One language's interpreter.
struct Place {
    language: Language,
    interpreter: Option<Interpreter>,
    waiting: VecDeque<Waiting>,
}

/// All interpreters.
pub struct Interpreters {
    places: [Place; 3],
    /// Those that have been killed and have not ended yet.
    ending: Vec<Interpreter>,
}

impl Default for Interpreters {
    fn default() -> Self {
        let place = |language| Place {
            language,
            interpreter: None,
            waiting: VecDeque::new(),
        };
        Self {
            places: [Language::Python, Language::JavaScript, Language::Raw].map(place),
            ending: Vec::new(),
        }
    }
}

impl Interpreters {
    /// Takes a request. It runs after those of its language before it; the next step starts it.
    ///
    /// # Errors
    ///
    /// Too many wait for the language.
    pub fn take(&mut self, waiting: Waiting) -> Result<(), Error> {
        let language = waiting.work.language();
        for place in &mut self.places {
            if place.language == language {
                if place.waiting.len() >= limits::WAITING {
                    return Err(Error::new(ErrorType::Request, "too many requests wait"));
                }
                place.waiting.push_back(waiting);
                break;
            }
        }
        Ok(())
    }

    /// Returns how many requests run or wait.
    pub fn count(&self) -> usize {
        let places = self.places.iter();
        places
            .map(|place| place.waiting.len() + usize::from(place.running().is_some()))
            .sum()
    }

    /// Returns whether a request with an `op_id` runs or waits.
    pub fn has(&self, op_id: &str) -> bool {
        self.places.iter().any(|place| {
            let waits = |waiting: &Waiting| waiting.op_id.as_deref() == Some(op_id);
            place.runs(op_id) || place.waiting.iter().any(waits)
        })
    }

    /// Sends a signal to the interpreter in which the code of an `op_id` runs. Returns whether there is one.
    pub fn signal(&self, op_id: &str, signal: i32) -> bool {
        let place = self.places.iter().find(|place| place.runs(op_id));
        let interpreter = place.and_then(|place| place.interpreter.as_ref());
        if let Some(interpreter) = interpreter {
            interpreter.signal(signal);
        }
        interpreter.is_some()
    }

    /// Ends the request of an `op_id`: the interpreter in which it runs, or before it runs. Returns whether there is one.
    pub fn cancel(&mut self, op_id: &str, queue: &mut SendQueue) -> bool {
        for place in &mut self.places {
            if place.runs(op_id) {
                place.interpreter.iter_mut().for_each(Interpreter::kill);
                return true;
            }
            let waits = |waiting: &Waiting| waiting.op_id.as_deref() == Some(op_id);
            if let Some(index) = place.waiting.iter().position(waits) {
                if let Some(waiting) = place.waiting.remove(index) {
                    let error = Error::new(ErrorType::Execution, "it was cancelled before it ran");
                    refuse(&waiting, error, queue);
                }
                return true;
            }
        }
        false
    }

    /// Forgets requests of hosts before the one that came at a time, and ends what runs their code.
    pub fn succeed(&mut self, since: Instant) {
        for place in &mut self.places {
            place.waiting.retain(|waiting| waiting.came >= since);
            let job = place.interpreter.as_mut().and_then(Interpreter::job_mut);
            let Some(job) = job.filter(|job| job.came() < since) else {
                continue;
            };
            job.abandon();
            if !job.warms() {
                self.ending.extend(place.interpreter.take());
            }
        }
        self.ending.iter_mut().for_each(Interpreter::kill);
    }

    /// Ends all interpreters.
    pub fn kill_all(&mut self) {
        for place in &mut self.places {
            place.waiting.clear();
            place.interpreter = None;
        }
        self.ending.clear();
    }

    /// Returns whether a process is one of the interpreters.
    pub fn is_process(&self, process: i32) -> bool {
        self.all()
            .any(|interpreter| interpreter.is_process(process))
    }

    /// Adds what they are waited for with.
    pub fn add_poll_entries(&self, entries: &mut Vec<PollFd>, queue: &SendQueue) {
        self.all()
            .for_each(|interpreter| interpreter.add_poll_entries(entries, queue));
    }

    /// Returns when there is something to do though nothing happens.
    pub fn wake_at(&self) -> Option<Instant> {
        self.all().filter_map(Interpreter::wake_at).min()
    }

    fn all(&self) -> impl Iterator<Item = &Interpreter> {
        let places = self.places.iter();
        places
            .filter_map(|place| place.interpreter.as_ref())
            .chain(&self.ending)
    }

    /// Moves everything on as far as it goes without waiting.
    pub fn step(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        queue: &mut SendQueue,
        settings: &Settings,
    ) {
        for place in &mut self.places {
            // A job that is over makes room for the next one at once.
            loop {
                let Some(interpreter) = &mut place.interpreter else {
                    if !place.start(now, queue, settings) {
                        break;
                    }
                    continue;
                };
                let is_over = interpreter.step(now, buffer, queue);
                if interpreter.job().is_none() && !interpreter.is_idle() {
                    // What is killed is waited for there, and what has ended is forgotten.
                    interpreter.kill();
                    self.ending.extend(place.interpreter.take());
                } else if interpreter.is_idle() {
                    if !place.start(now, queue, settings) {
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

impl Place {
    fn running(&self) -> Option<&job::Job> {
        self.interpreter.as_ref().and_then(Interpreter::job)
    }

    fn runs(&self, op_id: &str) -> bool {
        self.running()
            .is_some_and(|job| job.op_id() == Some(op_id) && job.runs())
    }

    /// Gives the next request to the interpreter, which is idle or is started first. Returns whether there was one.
    fn start(&mut self, now: Instant, queue: &mut SendQueue, settings: &Settings) -> bool {
        let Some(waiting) = self.waiting.pop_front() else {
            return false;
        };
        let result = match self.interpreter.take() {
            Some(interpreter) => Ok(interpreter),
            None => Interpreter::start(self.language, settings),
        };
        let begun = result.and_then(|interpreter| {
            let interpreter = self.interpreter.insert(interpreter);
            interpreter.begin(&waiting, now, settings)
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
