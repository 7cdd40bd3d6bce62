//! The wire as a document for people: `docs/protocol.md`.

use std::fmt::Write;

use crate::message::{Field, Message};
use crate::types::{ErrorType, Word};
use crate::{limits, request, response};

/// The text around the tables.
const TEMPLATE: &str = include_str!("protocol.template.md");

/// Returns the text of `docs/protocol.md`.
pub fn markdown() -> String {
    let (requests, responses) = (request::all(), response::all());
    TEMPLATE
        .replace("{protocol}\n", &format!("{}\n", crate::PROTOCOL))
        .replace("{requests}\n", &requests_table(&requests))
        .replace("{request_fields}\n", &fields_table(&requests))
        .replace("{responses}\n", &responses_table(&responses))
        .replace("{response_fields}\n", &fields_table(&responses))
        .replace("{error_types}\n", &error_types_table())
        .replace("{limits}\n", &limits_table())
}

fn table<const COLUMNS: usize>(
    heads: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    let mut text = String::new();
    let rows = rows.map(|row| row.join(" | "));
    let ruler = ["---"; COLUMNS].join(" | ");
    for row in [heads.join(" | "), ruler].into_iter().chain(rows) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {row} |");
    }
    text
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

fn labels(message: &Message) -> String {
    message
        .fields
        .iter()
        .map(Field::label)
        .collect::<Vec<_>>()
        .join(", ")
}

fn requests_table(requests: &[Message]) -> String {
    let rows = requests.iter().map(|message| {
        let many: Vec<String> = message.many.iter().map(|name| code(name)).collect();
        let mut responses = many.join("/");
        responses += if many.is_empty() { "" } else { " …, " };
        responses += &message.last.map_or("none".to_owned(), code);
        [
            code(message.name),
            labels(message),
            responses,
            message.what.to_owned(),
        ]
    });
    table(
        ["action", "fields", "responses", "what the agent does"],
        rows,
    )
}

fn responses_table(responses: &[Message]) -> String {
    let row = |message: &Message| [code(message.name), labels(message), message.what.to_owned()];
    table(["type", "fields", "meaning"], responses.iter().map(row))
}

fn fields_table(messages: &[Message]) -> String {
    let rows = messages.iter().flat_map(|message| {
        message.fields.iter().map(|field| {
            let summary = field.summary.clone();
            [
                code(message.name),
                field.label(),
                summary,
                field.what.to_owned(),
            ]
        })
    });
    table(["message", "field", "value", "meaning"], rows)
}

fn error_types_table() -> String {
    let rows = ErrorType::ALL
        .iter()
        .map(|kind| [code(kind.name()), kind.meaning().to_owned()]);
    table(["error_type", "when"], rows)
}

fn limits_table() -> String {
    let rows = limits::all();
    let rows = rows
        .iter()
        .map(|limit| [limit.what.to_owned(), limit.value.to_string()]);
    table(["limit", "largest value"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_matches_generated_file() {
        let found = include_str!("../protocol.md");
        assert!(
            found == markdown(),
            "run: ./bazelw run //agents/protocol:document > agents/protocol/protocol.md"
        );
    }
}
