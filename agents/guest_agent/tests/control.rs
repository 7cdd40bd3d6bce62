//! Tests of requests of newer hosts.

use crate::host::{base64, Host};
use serde_json::{json, Value};

fn ask(host: &mut Host, request: &Value) -> Value {
    host.request(request);
    host.receive()
}

#[test]
fn hello_agrees_on_lower_protocol() {
    let mut host = Host::new();
    for (theirs, agreed) in [(0, 0), (1, 1), (99, protocol::PROTOCOL)] {
        let answer = ask(&mut host, &json!({"action": "hello", "protocol": theirs}));
        assert_eq!(
            (&answer["type"], &answer["protocol"]),
            (&json!("hello"), &json!(agreed))
        );
        assert!(answer["boot"].is_string());
    }
}

#[test]
fn stdin_reaches_program() {
    let mut host = Host::new();
    host.start(
        "read line; echo got $line; cat",
        &json!({"op_id": "a", "stdin": true}),
    );
    let data = base64::encode(b"one\ntwo\n");
    let answer = ask(
        &mut host,
        &json!({"action": "stdin", "op_id": "a", "data": data}),
    );
    assert_eq!(
        (&answer["type"], &answer["action"]),
        (&json!("ack"), &json!("stdin"))
    );
    host.request(&json!({"action": "stdin", "op_id": "a", "data": "", "eof": true}));
    let (mut output, mut acks) = (String::new(), 0);
    loop {
        let answer = host.receive();
        match answer["type"].as_str() {
            Some("stdout") => output += answer["chunk"].as_str().unwrap(),
            Some("ack") => acks += 1,
            _ => break assert_eq!(answer["exit_code"], 0),
        }
    }
    assert_eq!((&*output, acks), ("got one\ntwo\n", 1));
}

#[test]
fn stdin_errors_have_distinct_types() {
    let mut host = Host::new();
    let stdin = |data: &[u8], eof: bool| json!({"action": "stdin", "op_id": "a", "data": base64::encode(data), "eof": eof});
    host.start("sleep 600", &json!({"op_id": "a", "stdin": true}));
    let much = stdin(&vec![b'x'; 600 << 10], false);
    assert!(ask(&mut host, &much)["waiting"].as_u64().unwrap() > 0);
    let full = ask(&mut host, &much);
    assert_eq!(
        (&full["error_type"], &full["action"]),
        (&json!("stdin_full_error"), &json!("stdin"))
    );
    let too_much = stdin(&vec![b'x'; (1 << 20) + 1], false);
    assert_eq!(ask(&mut host, &too_much)["error_type"], "validation_error");
    assert_eq!(ask(&mut host, &stdin(b"", true))["type"], "ack");
    assert_eq!(
        ask(&mut host, &stdin(b"", false))["error_type"],
        "stdin_closed_error"
    );
    let response = ask(&mut host, &json!({"action": "cancel", "op_id": "a"}));
    assert_eq!(response["action"], "cancel");
    assert_eq!(host.receive()["exit_code"], 137);

    host.start("sleep 600", &json!({"op_id": "a"}));
    assert_eq!(
        ask(&mut host, &stdin(b"x", false))["error_type"],
        "stdin_not_requested_error"
    );
}

#[test]
fn error_contains_action() {
    let mut host = Host::new();
    for (request, action) in [
        (
            json!({"action": "exec", "language": "raw", "code": " "}),
            json!("exec"),
        ),
        (
            json!({"action": "signal", "op_id": "a", "signal": 1}),
            json!("signal"),
        ),
        (
            json!({"action": "read_file", "op_id": "a", "path": "none"}),
            json!("read_file"),
        ),
        (json!({"action": "fly"}), json!(null)),
    ] {
        assert_eq!(ask(&mut host, &request)["action"], action);
    }
    let outcome = host.run("sleep 600", &json!({"timeout": 1}));
    assert_eq!(outcome.end["action"], "exec");
}

#[test]
fn exec_runs_eight_programs_with_op_id_and_one_without() {
    let mut host = Host::new();
    let code = "while [ ! -e go ]; do sleep 0.02; done";
    host.start(code, &json!({}));
    for number in 0..9 {
        host.start(code, &json!({"op_id": number.to_string()}));
    }
    let refused = host.receive();
    assert_eq!(
        (&refused["error_type"], &refused["op_id"]),
        (&json!("request_error"), &json!("8"))
    );
    std::fs::write(host.home("go"), "").unwrap();
    for _ in 0..9 {
        assert_eq!(host.receive()["exit_code"], 0);
    }
}

#[test]
fn signal_reaches_program() {
    let mut host = Host::new();
    host.start(
        "trap 'exit 7' USR1; echo up; while :; do sleep 0.05; done",
        &json!({"op_id": "a"}),
    );
    assert_eq!(host.receive()["chunk"], "up\n");
    let answer = ask(
        &mut host,
        &json!({"action": "signal", "op_id": "a", "signal": 10}),
    );
    assert_eq!(answer["action"], "signal");
    let end = host.outcome().end;
    // The signal also kills the sleep in its group, and the shell may report that.
    assert_eq!(end["exit_code"], 7);
    for request in [
        json!({"action": "signal", "op_id": "a", "signal": 10}),
        json!({"action": "cancel", "op_id": "a"}),
        json!({"action": "stdin", "op_id": "a", "data": ""}),
        json!({"action": "shutdown"}),
    ] {
        assert_eq!(ask(&mut host, &request)["error_type"], "request_error");
    }
    let request = json!({"action": "signal", "op_id": "a", "signal": 0});
    assert_eq!(ask(&mut host, &request)["error_type"], "validation_error");
}

#[test]
fn clock_metrics_and_reseed_respond() {
    let mut host = Host::new();
    let answer = ask(&mut host, &json!({"action": "clock"}));
    assert!(answer["unix_ns"].as_u64().unwrap() > 1 << 60);
    let answer = ask(&mut host, &json!({"action": "metrics"}));
    for name in [
        "uptime_ms",
        "memory_total_kib",
        "agent_rss_kib",
        "disk_free_kib",
        "processes",
    ] {
        assert!(answer[name].is_u64(), "{name}");
    }
    let data = base64::encode(&[7; 32]);
    let answer = ask(&mut host, &json!({"action": "reseed", "data": data}));
    assert_eq!(answer["bytes"], 32);
    assert!(answer["reseeded"].is_boolean());
}

#[test]
fn install_packages_rejects_malformed_packages() {
    let mut host = Host::new();
    for (packages, kind) in [
        (json!(["--index-url=x"]), "package_error"),
        (json!(["pandas"]), "package_error"),
        (json!(["../x==1"]), "package_error"),
        (json!([]), "validation_error"),
        (json!(vec!["a==1"; 51]), "validation_error"),
        (json!("a==1"), "validation_error"),
    ] {
        let request =
            json!({"action": "install_packages", "language": "python", "packages": packages});
        assert_eq!(ask(&mut host, &request)["error_type"], kind);
    }
    let request = json!({"action": "install_packages", "language": "raw", "packages": ["a==1"]});
    assert_eq!(ask(&mut host, &request)["error_type"], "package_error");
}
