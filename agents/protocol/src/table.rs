//! The wire as a document for people: `docs/protocol.md`.

use std::fmt::Write;

use crate::declaration::{Field, Kind, ACTIONS, OP_ID, REPLIES};
use crate::error::ErrorType;
use crate::limits;

const HEAD: &str = "\
# The wire

Made of `agents/protocol/src/declaration.rs`; a test says how to make it again. `agents/protocol/protocol.schema.json` is\nthe same as a JSON Schema: every line is valid under its `$defs/request` or `$defs/answer`.

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
    text += "## Requests\n\n| action | fields | answers | what it does |\n|---|---|---|---|\n";
    for action in ACTIONS {
        let op_id = action.needs_op_id.then_some(OP_ID.name);
        let names = op_id
            .into_iter()
            .map(str::to_owned)
            .chain(action.fields.iter().map(name));
        let fields: Vec<String> = names.collect();
        let (many, last) = action.answers;
        let many: Vec<String> = many.iter().map(|name| format!("`{name}`")).collect();
        let mut answers = many.join("/");
        answers += if many.is_empty() { "" } else { " …, " };
        answers += &last.map_or("none".to_owned(), |name| format!("`{name}`"));
        let (name, fields, what) = (action.name, fields.join(", "), action.what);
        let _ = writeln!(text, "| `{name}` | {fields} | {answers} | {what} |");
    }
    text += "\nA field with `?` may be absent; `op_id` may be in every request. Their values:\n\n";
    text += "| action | field | value | what it is for |\n|---|---|---|---|\n";
    row(&mut text, "all", &OP_ID);
    for action in ACTIONS {
        for field in action.fields {
            row(&mut text, action.name, field);
        }
    }
    text += "\n## Answers\n\n| type | fields | what it says |\n|---|---|---|\n";
    for reply in REPLIES {
        let fields: Vec<String> = reply.fields.iter().map(name).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            reply.name,
            fields.join(", "),
            reply.what
        );
    }
    text += "\nInstead of its last answer a request may get `error`. It ends the request, never the agent. The values:\n\n";
    text += "| type | field | value | what it says |\n|---|---|---|---|\n";
    for reply in REPLIES {
        for field in reply.fields {
            row(&mut text, reply.name, field);
        }
    }
    text += "\n## Kinds of errors\n\n| error_type | when |\n|---|---|\n";
    for kind in ErrorType::ALL {
        let _ = writeln!(text, "| `{}` | {} |", kind.name(), kind.meaning());
    }
    text += "\n## Limits\n\n| limit | |\n|---|---|\n";
    for limit in limits::ALL {
        let _ = writeln!(text, "| {} | {} |", limit.what, limit.value);
    }
    text
}

fn name(field: &Field) -> String {
    let absent = if field.required { "" } else { "?" };
    format!("{}{absent}", field.name)
}

fn row(text: &mut String, of: &str, field: &Field) {
    let (name, value, what) = (name(field), value(&field.kind), field.what);
    let _ = writeln!(text, "| `{of}` | {name} | {value} | {what} |");
}

/// Describes what a value may be.
fn value(kind: &Kind) -> String {
    match kind {
        Kind::Text { most, .. } if *most == limits::REQUEST => "text".to_owned(),
        Kind::Text { least, most } => format!("text of {least} to {most} bytes"),
        Kind::Word(words) => words.join(", "),
        Kind::Number { most: u64::MAX, .. } => "whole number".to_owned(),
        Kind::Number { least, most } => format!("{least} to {most}"),
        Kind::Integer => "whole number, also below zero".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Bytes { least: 0, .. } => "base64".to_owned(),
        Kind::Bytes { least, most } => format!("base64 of {least} to {most} bytes"),
        Kind::Path { home: true } => "path".to_owned(),
        Kind::Path { home: false } => "path, not the home itself".to_owned(),
        Kind::Variables => "object of texts".to_owned(),
        Kind::Packages => "list of texts".to_owned(),
        Kind::Object(fields) => object(fields),
        Kind::List(fields) => format!("list of {}", object(fields)),
    }
}

fn object(fields: &[Field]) -> String {
    let fields = fields
        .iter()
        .map(|field| format!("{}: {}", name(field), value(&field.kind)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_up_to_date() {
        let found = include_str!("../protocol.md");
        assert!(
            found == markdown(),
            "run: ./bazelw run //agents/protocol:document > agents/protocol/protocol.md"
        );
    }
}
