//! Fuzzes the parser: accepted requests are within the limits, and a truncated request before one changes nothing.

#![no_main]

use protocol::request::{parse, Parsed, Request};
use protocol::{limits, ErrorType};
use serde_json::Value;

fuzzing::fuzz_target!(requests);

fn requests(input: &[u8]) {
    let parsed = parse(input);
    if let Some(op_id) = &parsed.op_id {
        assert!((1..=limits::OP_ID).contains(&op_id.len()));
    }
    match &parsed.request {
        Ok(request) => check(request),
        Err(error) => assert!(error.message.len() < 4096),
    }
    let is_json = serde_json::from_slice::<Value>(input);
    if let Ok(value @ Value::Object(_)) = is_json {
        // With duplicate names, serde_json and the agent may report errors of different fields.
        if entries(&value) != colons(input) {
            return;
        }
        // Another form of the JSON has the same meaning.
        let same = |line: &[u8]| assert_same(&parse(line), &parsed);
        same(value.to_string().as_bytes());
        same(format!(" {value:#}\r").as_bytes());
        // The parser ignores a truncated request of an earlier host.
        let cut = input.len() / 3;
        for piece in [&input[..cut], br#"{"action":"exec","code":"\"{"#] {
            let trimmed = piece.trim_ascii();
            if trimmed.is_empty() || trimmed.starts_with(b"{") {
                let line = [piece, value.to_string().as_bytes()].concat();
                same(&line);
            }
        }
    } else if parsed.request.is_ok() {
        // Other bytes came before the request.
        let whole = (0..input.len()).filter(|&start| input[start] == b'{');
        assert!(whole
            .map(|start| &input[start..])
            .any(|rest| parse(rest) == parsed));
    } else if let Err(error) = &parsed.request {
        assert!(error.kind != ErrorType::Io);
    }
}

/// Asserts that two lines have the same meaning. Messages of errors may differ.
fn assert_same(one: &Parsed, other: &Parsed) {
    assert_eq!((&one.op_id, one.action), (&other.op_id, other.action));
    match (&one.request, &other.request) {
        (Err(one), Err(other)) => assert_eq!(one.kind, other.kind),
        (one, other) => assert_eq!(one, other),
    }
}

/// Counts the entries of all objects in a value.
fn entries(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(entries).sum(),
        Value::Object(object) => object.len() + object.values().map(entries).sum::<usize>(),
        _ => 0,
    }
}

/// Counts the entries of all objects in a text that is JSON.
fn colons(text: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b':' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

fn check(request: &Request) {
    match request {
        Request::Exec(exec) => {
            assert!(exec.code.len() <= limits::CODE && !exec.code.trim_ascii().is_empty());
            assert!(!exec.code.contains('\0'));
            assert!(exec
                .timeout
                .is_none_or(|time| (1..=limits::TIMEOUT).contains(&time.as_secs())));
            assert!(exec.env_vars.len() <= limits::VARIABLES);
            let side = |count| (1..=limits::TERMINAL).contains(&count);
            let size = exec.pty.as_ref();
            assert!(size.is_none_or(|size| side(size.rows) && side(size.cols)));
        }
        Request::InstallPackages(install) => {
            assert!((1..=limits::PACKAGES).contains(&install.packages.len()))
        }
        Request::Signal(signal) => assert!((1..=31).contains(&signal.signal)),
        Request::Reseed(reseed) => assert!((1..=limits::SEED).contains(&reseed.data.len())),
        Request::WriteFile(write) => assert!(write.path.names().next().is_some()),
        Request::ReadFile(read) => assert!(read.path.names().next().is_some()),
        _ => {}
    }
}
