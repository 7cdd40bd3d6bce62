//! How code of each language is run.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use protocol::request::Language;

use crate::scratch::Script;
use crate::settings::Settings;
use crate::sys;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that runs code, and the file that it needs meanwhile.
pub struct Prepared {
    /// The command. It lacks user and limits.
    pub command: Command,
    /// The code, where it is a file.
    pub script: Option<Script>,
}

/// Prepares to run code.
///
/// Code never is an argument: an argument has at most 128 KiB, code eight times as much.
///
/// * Python gets a file: only so do tracebacks show the lines, and can `multiprocessing` import the program. Modules are
///   looked for in the home too, as for code that is typed in there.
/// * JavaScript comes on standard input, because Node looks for `node_modules` from a program's own folder upwards, and
///   from the current folder only for a program that is no file. The code ends where the file does, so user code reads
///   an empty input as it would from `/dev/null`.
/// * A shell gets a file, so that its commands' standard input is empty.
///
/// # Errors
///
/// The code could not be put where its interpreter finds it.
pub fn prepare(language: Language, code: &str, settings: &Settings) -> io::Result<Prepared> {
    let (program, name) = match language {
        Language::Python => ("python3", Some("main.py")),
        Language::JavaScript => ("node", None),
        Language::Raw => (shell(), Some("main.sh")),
    };
    let mut command = Command::new(program);
    environment(&mut command, &settings.home);
    let script = match name {
        Some(name) => {
            let script = Script::write(&settings.scratch, name, code)?;
            command.arg(script.path()).stdin(Stdio::null());
            Some(script)
        }
        None => {
            command
                .arg("-")
                .stdin(sys::memory_file(c"code", code.as_bytes())?);
            None
        }
    };
    if language == Language::Python {
        command.env("PYTHONPATH", &settings.home);
        // Otherwise what was printed stays in the program, and is lost when it is killed.
        command.env("PYTHONUNBUFFERED", "1");
    }
    Ok(Prepared { command, script })
}

fn shell() -> &'static str {
    if Path::new("/bin/bash").exists() {
        "bash"
    } else {
        "sh"
    }
}

/// Gives a command the environment of a login, and nothing of the agent's own.
fn environment(command: &mut Command, home: &Path) {
    let local = home.join(".local/bin");
    command
        .env_clear()
        .env("PATH", format!("{}:{PATH}", local.display()))
        .env("HOME", home)
        .env("USER", "user")
        .env("LOGNAME", "user")
        .env("SHELL", "/bin/bash")
        .env("LANG", "C.UTF-8");
}
