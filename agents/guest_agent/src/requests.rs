//! Handles each request.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use protocol::request::{self, Exec, Parsed, Request};
use protocol::response::{Ack, Clock, Hello, Pong, Reseed};
use protocol::{limits, Error, ErrorType, HomePath, Response};

use crate::agent::{ledger, Agent};
use crate::home::{self, AsUser};
use crate::job::{self, Waiting};
use crate::removal::Removal;
use crate::session::Work;
use crate::{metrics, sys, VERSION};

/// Time for the host to receive the response to `shutdown`.
const SHUTDOWN_DELAY: Duration = Duration::from_millis(100);

impl Agent {
    /// Handles a line: responds to the request, or starts its work.
    pub(crate) fn handle(&mut self, line: &[u8]) {
        let Parsed {
            op_id,
            action,
            request,
        } = request::parse(line);
        let asks_only = matches!(request, Ok(Request::Ping(_) | Request::Hello(_)));
        // A part of a file starts no code, and there are many.
        if !matches!(request, Ok(Request::FileChunk(_))) {
            self.prepare_for(line, asks_only);
        }
        let op_id = op_id.as_deref();
        match request.and_then(|request| self.serve_request(op_id, request)) {
            Ok(Some(response)) => self.session.queue.push(response.to_line(op_id)),
            Ok(None) => {}
            Err(error) => {
                match (op_id, action) {
                    (Some(name), _) => self.session.transfers.fail(name),
                    // The line may have been a chunk of a file.
                    (None, None | Some("file_chunk")) => self.session.transfers.fail_all(),
                    (None, Some(_)) => {}
                }
                self.session.refuse(op_id, action, error);
            }
        }
    }

    /// Serves a request. Returns the response if it is available at once.
    fn serve_request(
        &mut self,
        op_id: Option<&str>,
        request: Request,
    ) -> Result<Option<Response>, Error> {
        // Skip the check for chunks of files and of input, which are many.
        if !matches!(request, Request::FileChunk(_) | Request::Stdin(_)) {
            self.clock.check();
        }
        let action = request.action();
        let done = Ok(Some(Response::ack(action)));
        let in_session = match &request {
            Request::Exec(exec) => self.wants_session(op_id, exec)?,
            _ => false,
        };
        let session = &mut self.session;
        match request {
            Request::Ping(_) => {
                let boot = self.boot.take();
                respond(Pong {
                    version: VERSION,
                    boot,
                })
            }
            Request::Hello(hello) => {
                self.boot = None;
                // Earlier requests belong to another host, even if the notification of this one has yet to come.
                let now = Instant::now();
                self.handover.note_hello(now);
                self.begin_session(now);
                self.session.hello_at = Some(now);
                respond(Hello {
                    protocol: hello.protocol.unwrap_or(0).min(protocol::PROTOCOL),
                    version: VERSION,
                    boot: ledger().unwrap_or_default(),
                })
            }
            Request::Exec(exec) if in_session => {
                self.take(op_id, job::Work::Exec(exec))?;
                Ok(None)
            }
            Request::Exec(exec) => {
                self.check_programs(op_id)?;
                let session = &mut self.session;
                session.take(op_id, Work::Exec(exec), &self.config)?;
                Ok(None)
            }
            Request::WarmRepl(warm) => {
                let work = job::Work::Warm(warm.language);
                // The response to warm_repl is never an `error`.
                self.take(op_id, work).map(|()| None).or_else(|error| {
                    log!("{error}");
                    respond(job::warmth(warm.language, Some(error.message)))
                })
            }
            Request::InstallPackages(install) => {
                self.check_programs(op_id)?;
                let session = &mut self.session;
                session.take(op_id, Work::Install(install), &self.config)?;
                Ok(None)
            }
            Request::Stdin(stdin) => {
                if self.interpreters.has(&stdin.op_id) {
                    let why = "a session has no standard input";
                    return Err(Error::new(ErrorType::StdinNotRequested, why));
                }
                let program = session.program(&stdin.op_id)?;
                let waiting = Some(program.add_input(&stdin.data, stdin.eof)? as u64);
                respond(Ack { action, waiting })
            }
            Request::Signal(signal) => {
                let number = signal.signal as i32;
                if self.interpreters.signal(&signal.op_id, number) {
                    return done;
                }
                if !session.program(&signal.op_id)?.signal(number) {
                    return Err(Error::new(ErrorType::Request, "the program has ended"));
                }
                done
            }
            Request::Resize(resize) => {
                let size = request::Size {
                    rows: resize.rows,
                    cols: resize.cols,
                };
                session.program(&resize.op_id)?.resize(&size)?;
                done
            }
            Request::Cancel(cancel) => {
                if self.interpreters.cancel(&cancel.op_id, &mut session.queue) {
                    return done;
                }
                session.cancel(&cancel.op_id)?;
                done
            }
            Request::WriteFile(write) => {
                session.check_unused(&write.op_id)?;
                let (name, executable) = (&write.op_id, write.make_executable);
                session
                    .transfers
                    .begin_write(name, write.path, executable, &self.config)?;
                Ok(None)
            }
            Request::FileChunk(chunk) => {
                session.transfers.add(&chunk.op_id, chunk.data)?;
                Ok(None)
            }
            Request::FileEnd(end) => session.transfers.end(&end.op_id),
            Request::ReadFile(read) => {
                session.check_unused(&read.op_id)?;
                session
                    .transfers
                    .begin_read(&read.op_id, read.path, &self.config)?;
                Ok(None)
            }
            Request::ListFiles(list) => self.in_home(&list.path, home::list),
            Request::Stat(stat) => self.in_home(&stat.path, home::stat),
            Request::Mkdir(mkdir) => self.in_home(&mkdir.path, home::mkdir),
            Request::Move(rename) => self.in_home(&rename.path, |home, path| {
                home::rename(home, path, &rename.to)
            }),
            Request::Remove(remove) => {
                if let Some(name) = op_id {
                    session.check_unused(name)?;
                }
                let path = remove.path.clone();
                let begun = Removal::begin(op_id, path, remove.recursive, &self.config)
                    .map_err(|error| home::failed(&remove.path, &error))?;
                match begun {
                    None => done,
                    Some(removal) => session.add_removal(removal).map(|()| None),
                }
            }
            Request::Clock(clock) => {
                if let Some(time) = clock.unix_ns {
                    self.clock.set(time).map_err(|error| {
                        Error::new(ErrorType::Io, format!("cannot set the clock: {error}"))
                    })?;
                }
                let unix_ns = u64::try_from(sys::unix_time().as_nanos()).unwrap_or(u64::MAX);
                respond(Clock { unix_ns })
            }
            Request::Reseed(reseed) => respond(Reseed {
                bytes: reseed.data.len() as u64,
                reseeded: self.pool.reseed(&reseed.data),
            }),
            Request::Metrics(_) => respond(metrics::read(&self.config.home)),
            Request::Shutdown(_) if self.children.is_none() => Err(Error::new(
                ErrorType::Request,
                "this agent is not PID 1 and cannot switch the machine off",
            )),
            Request::Shutdown(_) => {
                self.shutdown_at = Some(Instant::now() + SHUTDOWN_DELAY);
                done
            }
        }
    }

    /// Returns whether code runs in a session.
    fn wants_session(&self, op_id: Option<&str>, exec: &Exec) -> Result<bool, Error> {
        let has_input = exec.stdin || exec.pty.is_some();
        let refuse = |why: &str| Err(Error::new(ErrorType::Validation, format!("session: {why}")));
        match exec.session {
            Some(true) if op_id.is_none() => refuse("requires an op_id"),
            Some(true) if has_input => refuse("excludes stdin and pty"),
            Some(wanted) => Ok(wanted),
            // Older hosts do not know the field. Those that expect sessions send an op_id, and never say hello.
            None => {
                let expects_session = op_id.is_some() && self.session.hello_at.is_none();
                Ok(expects_session && !has_input)
            }
        }
    }

    /// Accepts a request for the interpreter of a session.
    fn take(&mut self, op_id: Option<&str>, work: job::Work) -> Result<(), Error> {
        if let Some(name) = op_id {
            self.session.check_unused(name)?;
        }
        self.check_programs(op_id)?;
        self.interpreters.take(Waiting {
            op_id: op_id.map(str::to_owned),
            work,
            received: Instant::now(),
        })
    }

    /// Checks that another program may run for an `op_id`. Programs in sessions count.
    fn check_programs(&self, op_id: Option<&str>) -> Result<(), Error> {
        let Some(name) = op_id else {
            return Ok(());
        };
        if self.interpreters.has(name) {
            let why = "a request with this op_id already runs";
            return Err(Error::new(ErrorType::Request, why));
        }
        if self.session.count_named() + self.interpreters.count() >= limits::PROGRAMS {
            let why = "too many requests run";
            return Err(Error::new(ErrorType::Request, why));
        }
        Ok(())
    }

    fn in_home(
        &self,
        path: &HomePath,
        work: impl FnOnce(&Path, &HomePath) -> io::Result<Response>,
    ) -> Result<Option<Response>, Error> {
        let _user = AsUser::new(&self.config);
        work(&self.config.home, path)
            .map(Some)
            .map_err(|error| home::failed(path, &error))
    }
}

fn respond(response: impl Into<Response>) -> Result<Option<Response>, Error> {
    Ok(Some(response.into()))
}
