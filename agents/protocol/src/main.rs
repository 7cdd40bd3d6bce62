//! Prints the wire: as a document, as a JSON Schema, or as examples.

use protocol::{document, examples, request, schema, Response};

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => print!("{}", document::markdown()),
        Some("schema") => println!("{:#}", schema::schema()),
        Some("examples") => print_examples(),
        Some(_) => {
            eprintln!("usage: document [schema|examples]");
            std::process::exit(2);
        }
    }
}

/// Prints a line per example: its kind, whether the agent accepts it, and the example itself.
fn print_examples() {
    for value in examples::requests() {
        let parsed = request::parse(value.to_string().as_bytes());
        let accepted = parsed.request.is_ok();
        println!(r#"{{"of":"request","accepted":{accepted},"value":{value}}}"#);
    }
    for response in Response::samples() {
        for op_id in [None, Some("a")] {
            let line = String::from_utf8(response.to_line(op_id)).unwrap_or_default();
            println!(
                r#"{{"of":"response","accepted":true,"value":{}}}"#,
                line.trim_end()
            );
        }
    }
}
