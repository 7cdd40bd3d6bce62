//! Commands that run code and install packages, per language.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use protocol::request::InstallPackages;
use protocol::{Error, ErrorType, Language};

use crate::config::{Config, PACKAGES};
use crate::scratch::Script;

/// Directories with programs of packages. They come last, so that they cannot replace programs of the image.
const PROGRAMS: &str = "/opt/packages/python/bin:/opt/packages/javascript/node_modules/.bin";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that runs code, and the file that contains the code.
pub struct Prepared {
    /// The command, without user and limits.
    pub command: Command,
    /// The file with the code.
    pub script: Script,
}

/// Prepares the command that runs code.
///
/// Code is never an argument: an argument has at most 128 KiB, code eight times as much. Standard input is empty unless the
/// request has `stdin` or `pty`.
///
/// * Python reads a file, so that tracebacks show the lines, and `multiprocessing` can import the program. It also searches
///   the home for modules.
/// * JavaScript reads a hidden file in the home, for `require.main` and `__filename`: Node and Bun resolve `./module`
///   relative to the program, and search for `node_modules` from its directory upwards.
/// * A shell reads a file, so that the standard input of its commands is empty.
///
/// # Errors
///
/// The code could not be written.
pub fn prepare(language: Language, code: &str, config: &Config) -> io::Result<Prepared> {
    let (program, script) = match language {
        Language::Python => ("python3", Script::write(&config.scratch, "main.py", code)?),
        Language::JavaScript => {
            let program = javascript();
            (program, javascript_file(program, code, config)?)
        }
        Language::Raw => (shell(), Script::write(&config.scratch, "main.sh", code)?),
    };
    let mut command = Command::new(program);
    set_environment(&mut command, language, &config.home);
    command.arg(script.path()).stdin(Stdio::null());
    if language == Language::Python {
        // Otherwise a killed program loses buffered output.
        command.env("PYTHONUNBUFFERED", "1");
    }
    Ok(Prepared { command, script })
}

/// Writes JavaScript code to a file.
fn javascript_file(program: &str, code: &str, config: &Config) -> io::Result<Script> {
    // Bun accepts types and JSX in a .tsx file without extra cost. Node would load a parser for types.
    let extension = if program == "bun" { "tsx" } else { "js" };
    // If the home is full, the code must still run: it may free space.
    Script::write_hidden(&config.home, extension, code)
        .or_else(|_| Script::write(&config.scratch, &format!("main.{extension}"), code))
}

/// Sets the environment for code of a language.
pub fn set_environment(command: &mut Command, language: Language, home: &Path) {
    environment(command, home);
    if language == Language::Python {
        command.env("PYTHONPATH", home);
    }
}

/// Prepares the command that installs packages below [`PACKAGES`], where code of the language finds them.
///
/// # Errors
///
/// The guest has no installer for the language.
pub fn prepare_install(install: &InstallPackages, config: &Config) -> Result<Command, Error> {
    let missing = |what: &str| {
        let message = format!("cannot install packages: the image has no {what}");
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
        Language::Python => return Err(missing("uv and no pip")),
        Language::JavaScript if is_program("npm") => NPM,
        Language::JavaScript if is_program("bun") => BUN,
        Language::JavaScript => return Err(missing("npm and no bun")),
        Language::Raw => return Err(missing("packages for a shell")),
    };
    let mut command = Command::new("sh");
    environment(&mut command, &config.home);
    command
        .env("PACKAGES", PACKAGES)
        .args(["-c", &format!("{BEFORE}\n{script}\n{AFTER}"), "install"])
        .args(&install.packages)
        .stdin(Stdio::null());
    Ok(command)
}

/// Puts temporary files and caches of installers beside the packages, because memory is too small for them.
const BEFORE: &str = "TMPDIR=$(mktemp -d \"$PACKAGES/.install.XXXXXX\") || exit
    export TMPDIR npm_config_cache=$TMPDIR/npm BUN_INSTALL_CACHE_DIR=$TMPDIR/bun";

/// Writes everything to the disk: hosts keep the disk, and end the guest as soon as they receive the response.
const AFTER: &str = "code=$?
    rm -rf \"$TMPDIR\"
    [ $code = 0 ] || exit $code
    exec sync";

/// Returns whether the guest has a program of this name.
fn is_program(name: &str) -> bool {
    PATH.split(':')
        .any(|directory| Path::new(directory).join(name).exists())
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

/// Sets the environment of a login, without that of the agent.
fn environment(command: &mut Command, home: &Path) {
    let local = home.join(".local/bin");
    command
        .env_clear()
        .env("PATH", format!("{}:{PATH}:{PROGRAMS}", local.display()))
        // For `require`. `import` searches upwards from the home and finds a link to this directory.
        .env("NODE_PATH", "/opt/packages/javascript/node_modules")
        .env("HOME", home)
        .env("USER", "user")
        .env("LOGNAME", "user")
        .env("SHELL", "/bin/bash")
        .env("LANG", "C.UTF-8");
}
