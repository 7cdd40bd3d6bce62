//! Requests: what is taken is within the limits, and a piece of one before it changes nothing.

#![no_main]

use protocol::request::{parse, Request};
use protocol::{limits, ErrorType};

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
    let is_json = serde_json::from_slice::<serde_json::Value>(input);
    if let Ok(value @ serde_json::Value::Object(_)) = is_json {
        // Written in another way it means the same.
        assert_eq!(parse(value.to_string().as_bytes()), parsed);
        assert_eq!(parse(format!(" {value:#}\r").as_bytes()), parsed);
        // What another host left unfinished is ignored, wherever it was cut off.
        let cut = input.len() / 3;
        for piece in [&input[..cut], br#"{"action":"exec","code":"\"{"#] {
            let trimmed = piece.trim_ascii();
            if trimmed.is_empty() || trimmed.starts_with(b"{") {
                let line = [piece, value.to_string().as_bytes()].concat();
                assert_eq!(parse(&line), parsed);
            }
        }
    } else if parsed.request.is_ok() {
        // Something else than a request came before one.
        let whole = (0..input.len()).filter(|&start| input[start] == b'{');
        assert!(whole
            .map(|start| &input[start..])
            .any(|rest| parse(rest) == parsed));
    } else if let Err(error) = &parsed.request {
        assert!(error.kind != ErrorType::Io);
    }
}

fn check(request: &Request) {
    match request {
        Request::Exec(exec) => {
            assert!(exec.code.len() <= limits::CODE);
            assert!(exec
                .timeout
                .is_none_or(|time| (1..=limits::TIMEOUT).contains(&time.as_secs())));
            assert!(exec.variables.len() <= limits::VARIABLES);
            let side = |count| (1..=limits::TERMINAL).contains(&u64::from(count));
            assert!(exec
                .terminal
                .is_none_or(|size| side(size.rows) && side(size.cols)));
        }
        Request::Install(install) => {
            assert!((1..=limits::PACKAGES).contains(&install.packages.len()))
        }
        Request::Signal { signal } => assert!((1..=31).contains(signal)),
        Request::Reseed { data } => assert!((1..=limits::SEED).contains(&data.len())),
        Request::WriteFile { path, .. } | Request::ReadFile { path } => {
            assert!(path.names().next().is_some())
        }
        _ => {}
    }
}
