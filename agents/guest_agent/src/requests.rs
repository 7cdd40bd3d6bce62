//! What the agent does for each request.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use protocol::request::{self, Parsed, Request};
use protocol::response::{Ack, Clock, Hello, Pong, Reseed};
use protocol::{Error, ErrorType, HomePath, Response};

use crate::agent::{ledger, Agent};
use crate::home::{self, AsUser};
use crate::removal::Removal;
use crate::session::Work;
use crate::{metrics, sys, VERSION};

/// How long a host has to take the response to its request to switch the machine off.
const FAREWELL: Duration = Duration::from_millis(100);

impl Agent {
    /// Handles a line: responds to the request, or begins what it asks for.
    pub(crate) fn handle(&mut self, line: &[u8]) {
        self.pool.reseed(line);
        let Parsed {
            op_id,
            action,
            request,
        } = request::parse(line);
        let op_id = op_id.as_deref();
        match request.and_then(|request| self.serve_request(op_id, request)) {
            Ok(Some(response)) => self.session.queue.push(response.to_line(op_id)),
            Ok(None) => {}
            Err(error) => {
                match (op_id, action) {
                    (Some(name), _) => self.session.transfers.fail(name),
                    // Perhaps a piece of a file.
                    (None, None | Some("file_chunk")) => self.session.transfers.fail_all(),
                    (None, Some(_)) => {}
                }
                self.session.refuse(op_id, action, error);
            }
        }
    }

    /// Does what a request asks for, and returns the response if it is there at once.
    fn serve_request(
        &mut self,
        op_id: Option<&str>,
        request: Request,
    ) -> Result<Option<Response>, Error> {
        // Not for each piece of a file or of input, of which there are many.
        if !matches!(request, Request::FileChunk(_) | Request::Stdin(_)) {
            self.clock.check();
        }
        let action = request.action();
        let done = Ok(Some(Response::ack(action)));
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
                // Whatever came before is another host's, if the kernel has not told of this one yet.
                let now = Instant::now();
                self.boundary.has_greeted(now);
                self.begin_session(now);
                respond(Hello {
                    protocol: hello.protocol.unwrap_or(0).min(protocol::PROTOCOL),
                    version: VERSION,
                    boot: ledger().unwrap_or_default(),
                })
            }
            Request::Exec(exec) => {
                session.take(op_id, Work::Exec(exec), &self.settings)?;
                Ok(None)
            }
            Request::InstallPackages(install) => {
                session.take(op_id, Work::Install(install), &self.settings)?;
                Ok(None)
            }
            Request::Stdin(stdin) => {
                let program = session.program(&stdin.op_id)?;
                let waiting = Some(program.add_input(&stdin.data, stdin.eof)? as u64);
                respond(Ack { action, waiting })
            }
            Request::Signal(signal) => {
                if !session.program(&signal.op_id)?.signal(signal.signal as i32) {
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
                session.cancel(&cancel.op_id)?;
                done
            }
            Request::WriteFile(write) => {
                session.check_unused(&write.op_id)?;
                let (name, executable) = (&write.op_id, write.make_executable);
                session
                    .transfers
                    .begin_write(name, write.path, executable, &self.settings)?;
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
                    .begin_read(&read.op_id, read.path, &self.settings)?;
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
                let begun = Removal::begin(op_id, path, remove.recursive, &self.settings)
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
            Request::Metrics(_) => respond(metrics::read(&self.settings.home)),
            Request::Shutdown(_) if self.children.is_none() => Err(Error::new(
                ErrorType::Request,
                "this agent is not the machine's first process",
            )),
            Request::Shutdown(_) => {
                self.shutdown_at = Some(Instant::now() + FAREWELL);
                done
            }
        }
    }

    fn in_home(
        &self,
        path: &HomePath,
        work: impl FnOnce(&Path, &HomePath) -> io::Result<Response>,
    ) -> Result<Option<Response>, Error> {
        let _user = AsUser::new(&self.settings);
        work(&self.settings.home, path)
            .map(Some)
            .map_err(|error| home::failed(path, &error))
    }
}

fn respond(response: impl Into<Response>) -> Result<Option<Response>, Error> {
    Ok(Some(response.into()))
}
