//! How code of each language is run.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use protocol::request::InstallPackages;
use protocol::{Error, ErrorType, Language};

use crate::scratch::Script;
use crate::settings::{Settings, PACKAGES};

/// Programs of packages, which must not stand in for the image's own.
const PROGRAMS: &str = "/opt/packages/python/bin:/opt/packages/javascript/node_modules/.bin";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that runs code, and the file that it needs meanwhile.
pub struct Prepared {
    /// The command. It lacks user and limits.
    pub command: Command,
    /// The code.
    pub script: Script,
}

/// Prepares to run code.
///
/// Code never is an argument: an argument has at most 128 KiB, code eight times as much. Its standard input is empty unless
/// the request asks for more.
///
/// * Python gets a file: only so do tracebacks show the lines, and can `multiprocessing` import the program. Modules are
///   looked for in the home too, as for code that is typed in there.
/// * JavaScript gets a hidden file in the home, for `require.main` and `__filename`: Node and Bun look for `./module` beside
///   a program, and for `node_modules` from its directory upwards.
/// * A shell gets a file, so that its commands' standard input is empty.
///
/// # Errors
///
/// The code could not be put where its interpreter finds it.
pub fn prepare(language: Language, code: &str, settings: &Settings) -> io::Result<Prepared> {
    let (program, script) = match language {
        Language::Python => (
            "python3",
            Script::write(&settings.scratch, "main.py", code)?,
        ),
        Language::JavaScript => {
            let program = javascript();
            (program, javascript_file(program, code, settings)?)
        }
        Language::Raw => (shell(), Script::write(&settings.scratch, "main.sh", code)?),
    };
    let mut command = Command::new(program);
    set_environment(&mut command, language, &settings.home);
    command.arg(script.path()).stdin(Stdio::null());
    if language == Language::Python {
        // Otherwise what was printed stays in the program, and is lost when it is killed.
        command.env("PYTHONUNBUFFERED", "1");
    }
    Ok(Prepared { command, script })
}

/// Writes code of JavaScript.
fn javascript_file(program: &str, code: &str, settings: &Settings) -> io::Result<Script> {
    // Bun takes types and JSX wherever the name announces them, at no cost; Node loads a parser for types.
    let extension = if program == "bun" { "tsx" } else { "js" };
    // A home that is full must not keep the code from running that would delete something there.
    Script::write_hidden(&settings.home, extension, code)
        .or_else(|_| Script::write(&settings.scratch, &format!("main.{extension}"), code))
}

/// Gives a command the environment of code of a language.
pub fn set_environment(command: &mut Command, language: Language, home: &Path) {
    environment(command, home);
    if language == Language::Python {
        command.env("PYTHONPATH", home);
    }
}

/// Prepares to install packages below [`PACKAGES`], where code of the language finds them.
///
/// # Errors
///
/// The guest has no installer for the language.
pub fn prepare_install(install: &InstallPackages, settings: &Settings) -> Result<Command, Error> {
    let missing = |what: &str| {
        let message = format!("nothing here installs packages: the image has no {what}");
        Error::new(ErrorType::Package, message)
    };
    const UV: &str = "uv pip install --no-cache --no-python-downloads --python \
        \"$(command -v python3)\" --target \"$PACKAGES/python\" -- \"$@\"";
    const PIP: &str = "python3 -m pip install --no-cache-dir --disable-pip-version-check \
        --no-input --break-system-packages --upgrade --target \"$PACKAGES/python\" -- \"$@\"";
    const NPM: &str = "npm install --no-audit --no-fund --no-update-notifier \
        --prefix \"$PACKAGES/javascript\" -- \"$@\"";
    const BUN: &str = "(cd \"$PACKAGES/javascript\" && bun add -- \"$@\")";
    let script = match install.language {
        Language::Python if !is_program("python3") => return Err(missing("python3")),
        Language::Python if is_program("uv") => UV,
        Language::Python if has_pip() => PIP,
        Language::Python => return Err(missing("uv, and its python3 no pip")),
        Language::JavaScript if is_program("npm") => NPM,
        Language::JavaScript if is_program("bun") => BUN,
        Language::JavaScript => return Err(missing("npm, and no bun")),
        Language::Raw => return Err(missing("packages for a shell")),
    };
    let mut command = Command::new("sh");
    environment(&mut command, &settings.home);
    command
        .env("PACKAGES", PACKAGES)
        .args(["-c", &format!("{BEFORE}\n{script}\n{AFTER}"), "install"])
        .args(&install.packages)
        .stdin(Stdio::null());
    Ok(command)
}

/// What installers unpack and keep for a while goes where the packages go: the memory has not the room.
const BEFORE: &str = "TMPDIR=$(mktemp -d \"$PACKAGES/.install.XXXXXX\") || exit
    export TMPDIR npm_config_cache=$TMPDIR/npm BUN_INSTALL_CACHE_DIR=$TMPDIR/bun";

/// Hosts keep the disk, and end the guest as soon as they hear that all is there.
const AFTER: &str = "code=$?
    rm -rf \"$TMPDIR\"
    [ $code = 0 ] || exit $code
    exec sync";

/// Returns whether the guest has a program.
fn is_program(name: &str) -> bool {
    PATH.split(':')
        .any(|folder| Path::new(folder).join(name).exists())
}

/// Returns whether Python has pip, without starting it.
fn has_pip() -> bool {
    let libraries = ["/usr/lib", "/usr/local/lib"].map(fs::read_dir);
    libraries
        .into_iter()
        .flatten()
        .flatten()
        .flatten()
        .any(|entry| {
            let is_python = entry.file_name().to_string_lossy().starts_with("python3");
            let packages = ["dist-packages/pip", "site-packages/pip"];
            is_python && packages.iter().any(|name| entry.path().join(name).exists())
        })
}

/// Returns the program that runs JavaScript.
pub fn javascript() -> &'static str {
    if is_program("bun") && !is_program("node") {
        "bun"
    } else {
        "node"
    }
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
        .env("PATH", format!("{}:{PATH}:{PROGRAMS}", local.display()))
        // For `require`; `import` looks upwards from the home, where a link leads there.
        .env("NODE_PATH", "/opt/packages/javascript/node_modules")
        .env("HOME", home)
        .env("USER", "user")
        .env("LOGNAME", "user")
        .env("SHELL", "/bin/bash")
        .env("LANG", "C.UTF-8");
}
