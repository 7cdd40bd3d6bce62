//! The wire as a table: `docs/protocol.md` is made of it.

use std::fmt::Write;

use crate::error::ErrorType;
use crate::limits;

/// An action: its name, fields, answers, and what it is for. A field with `?` may be absent.
struct Action(&'static str, &'static str, &'static str, &'static str);

const ACTIONS: &[Action] = &[
    Action("ping", "", "`pong` {version, boot?}", "Whether the agent is there. The first answer after a boot has the boot ledger."),
    Action("hello", "protocol", "`hello` {protocol, version, boot}", "Agrees on the lower protocol number."),
    Action("exec", "language, code, timeout?, env_vars?, stdin?, pty?", "`stdout`/`stderr` {chunk} …, `complete` {exit_code, execution_time_ms, spawn_ms, process_ms}", "Runs code. language: python, javascript or raw; timeout in seconds, 0 is none; with stdin true it reads what `stdin` sends; pty {rows, cols} gives it a terminal instead, whose output comes as `stdout`, as much as there is, and which `stdin` types into (neither for javascript)."),
    Action("install_packages", "language, packages, timeout?", "as `exec`", "Installs packages, each with a version: name==1.0 or name@1.0.0."),
    Action("write_file", "op_id, path, make_executable?", "none", "Begins a file; folders that it lies in are made."),
    Action("file_chunk", "op_id, data", "none", "Adds base64 of a piece of one zstd frame."),
    Action("file_end", "op_id", "`file_write_ack` {path, bytes_written}", "Puts the file in its place, at once and whole."),
    Action("read_file", "op_id, path", "`file_chunk` {data} …, `file_read_complete` {path, size}", "Sends a file as base64 of pieces of one zstd frame."),
    Action("list_files", "path?", "`file_list` {path, entries: [{name, is_dir, size}]}", "Names what is in a folder."),
    Action("stat", "path?", "`stat` {path, kind, size, mode, modified_ms}", "Describes a file. kind: file, directory, symlink or other."),
    Action("mkdir", "path", "`ack` {action}", "Makes a folder, and those that it lies in."),
    Action("remove", "path, recursive?", "`ack` {action}", "Deletes a file, a link or a folder."),
    Action("move", "path, to", "`ack` {action}", "Gives a file another name, in place of what has that name."),
    Action("stdin", "op_id, data, eof?", "`ack` {action, waiting}", "Hands base64 of input to the program of this op_id; waiting is how many bytes it has not read yet. On a terminal eof types the character that ends input, and more may follow."),
    Action("signal", "op_id, signal", "`ack` {action}", "Sends signal 1 to 31 to the program of this op_id and its group."),
    Action("resize", "op_id, rows, cols", "`ack` {action}", "Gives the terminal of the program of this op_id another size."),
    Action("cancel", "op_id", "`ack` {action}", "Ends what has this op_id: a program by SIGKILL, upon which its `complete` follows; a file without a word."),
    Action("clock", "unix_ns?", "`clock` {unix_ns}", "Sets the clock, or only reads it."),
    Action("reseed", "data", "`reseed` {bytes, reseeded}", "Mixes base64 of 1 to 4096 bytes into the random pool; reseeded tells whether the generator took from it."),
    Action("metrics", "", "`metrics` {uptime_ms, memory_total_kib, memory_available_kib, swap_total_kib, swap_free_kib, agent_rss_kib, disk_total_kib, disk_free_kib, processes, zombies}", "How the guest is."),
    Action("shutdown", "", "`ack` {action}", "Switches the guest off."),
];

const HEAD: &str = "\
# The wire

Made of `agents/protocol/src/table.rs`; its test says how to make it again.

A guest has two virtio-serial ports: `org.dualeai.cmd`, from host to guest, and `org.dualeai.event`, from guest to host.
On both, every line is one JSON object. A request has an `action`, and whatever it leads to repeats its `op_id` if it has
one. What a host sent of a request when it hung up costs the next host nothing: a whole request that follows a piece of
one on the same line is taken, and the piece ignored. Requests to run or install something without `op_id` wait for one another; up to eight with one run at the same
time. A host may hang up and come back at any time; hanging up ends its requests. Fields that the agent does not know
are ignored, as hosts should ignore those of an answer; `null` is as good as absent.

Paths are relative to `/home/user`, have no `..`, and no link on the way may lead out of it. Files are made and read as
user 1000.

";

/// Returns the text of `docs/protocol.md`.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    // Writing to a string does not fail.
    let _ = write!(text, "Protocol number: {}.\n\n", crate::PROTOCOL);
    text += "| action | fields | answers | what it does |\n|---|---|---|---|\n";
    for Action(name, fields, answers, what) in ACTIONS {
        let _ = writeln!(text, "| `{name}` | {fields} | {answers} | {what} |");
    }
    text += "\nInstead of its last answer a request may get `error` {message, error_type, version}. It ends the request, never the agent.\n\n";
    text += "Kinds of errors:";
    for (index, kind) in ErrorType::ALL.iter().enumerate() {
        let _ = write!(
            text,
            "{} `{}`",
            if index == 0 { "" } else { "," },
            kind.name()
        );
    }
    text += ".\n\n| limit | |\n|---|---|\n";
    for (name, value) in [
        ("request, bytes", limits::REQUEST as u64),
        ("op_id, bytes", limits::OP_ID as u64),
        ("code, bytes", limits::CODE as u64),
        ("timeout, seconds", limits::TIMEOUT),
        ("variables", limits::VARIABLES as u64),
        (
            "name of a variable, characters",
            limits::VARIABLE_NAME as u64,
        ),
        (
            "value of a variable, characters",
            limits::VARIABLE_VALUE as u64,
        ),
        ("stdout, bytes", limits::STDOUT as u64),
        ("stderr, bytes", limits::STDERR as u64),
        ("chunk of output, bytes", limits::CHUNK as u64),
        ("input that waits, bytes", limits::STDIN as u64),
        (
            "lines of a terminal, characters of a line",
            limits::TERMINAL,
        ),
        ("packages", limits::PACKAGES as u64),
        ("name of a package", limits::PACKAGE_NAME as u64),
        ("version of a package", limits::PACKAGE_VERSION as u64),
        ("file, bytes", limits::FILE),
        ("piece of a file, bytes", limits::FILE_CHUNK as u64),
        ("path, bytes", limits::PATH as u64),
        ("name of a file, bytes", limits::NAME as u64),
        ("window of a zstd frame, bytes", limits::WINDOW),
    ] {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request;

    #[test]
    fn the_document_is_up_to_date() {
        let found = include_str!("../protocol.md");
        assert!(
            found == markdown(),
            "run: ./bazelw run //agents/protocol:document > agents/protocol/protocol.md"
        );
    }

    #[test]
    fn every_action_is_known_with_these_fields() {
        for Action(name, fields, ..) in ACTIONS {
            let error = match request::parse(format!(r#"{{"action":"{name}"}}"#).as_bytes()).request
            {
                Ok(_) => continue,
                Err(error) => error,
            };
            // What is missing is a field that the table has.
            let field = error.message.split(':').next().unwrap_or_default();
            let mut known = fields.split(", ").map(|name| name.trim_end_matches('?'));
            assert!(known.any(|name| name == field), "{name}: {error}");
        }
    }
}
