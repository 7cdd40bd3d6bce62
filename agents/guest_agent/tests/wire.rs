//! Tests of correct, faulty and hostile hosts on the wire.

use std::time::Duration;

use crate::host::{wait_for_end, Host};
use serde_json::json;

#[test]
fn ping_is_answered_while_code_runs() {
    let mut host = Host::new();
    let code = "while [ ! -e go ]; do sleep 0.02; done; echo done";
    host.start(code, &json!({}));
    host.ping();
    std::fs::write(host.home("go"), "").unwrap();
    assert_eq!(host.outcome().stdout, "done\n");
}

#[test]
fn malformed_line_gets_error() {
    let mut host = Host::new();
    for line in [
        &b"{\"action\": \"fly\"}\n"[..],
        b"{\n",
        b"[]\n",
        b"\n",
        b"\xff\xfe\n",
        b"\0\n",
    ] {
        host.send(line);
        let answer = host.receive();
        assert_eq!(answer["type"], "error");
        assert_eq!(answer["error_type"], "request_error");
        assert_eq!(answer["version"].as_str().unwrap().split('.').count(), 3);
    }
    host.request(&json!({"action": "exec", "language": "raw"}));
    assert_eq!(host.receive()["error_type"], "validation_error");
    host.ping();
}

#[test]
fn too_long_line_is_skipped() {
    let mut host = Host::new();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..17 {
        host.send(&piece);
    }
    assert_eq!(host.receive()["error_type"], "request_error");
    host.send(b"xxx\n");
    host.ping();
}

#[test]
fn line_in_chunks_is_accepted() {
    let mut host = Host::new();
    for piece in [&b"{\"act"[..], b"ion\": \"pi", b"ng\"}", b"\n"] {
        host.send(piece);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(host.receive()["type"], "pong");
}

#[test]
fn requests_without_op_id_run_one_after_another() {
    let mut host = Host::new();
    for number in 0..5 {
        host.start(
            &format!("echo {number}; sleep 0.1; echo {number}"),
            &json!({}),
        );
    }
    for number in 0..5 {
        assert_eq!(host.outcome().stdout, format!("{number}\n{number}\n"));
    }
}

#[test]
fn requests_with_op_id_run_at_same_time() {
    let mut host = Host::new();
    // The first program waits for the second one.
    host.start(
        "while [ ! -e b ]; do sleep 0.05; done; echo a",
        &json!({"op_id": "one", "timeout": 20}),
    );
    host.start("echo > b; echo b", &json!({"op_id": "two"}));
    let mut output = [String::new(), String::new()];
    let mut ends = 0;
    while ends < 2 {
        let answer = host.receive();
        let index = usize::from(answer["op_id"] == "two");
        match answer["chunk"].as_str() {
            Some(chunk) => output[index] += chunk,
            None => {
                assert_eq!(answer["exit_code"], 0);
                ends += 1;
            }
        }
    }
    assert_eq!(output, ["a\n", "b\n"]);
}

#[test]
fn op_id_in_use_is_rejected() {
    let mut host = Host::new();
    host.start("sleep 1", &json!({"op_id": "one"}));
    host.start("true", &json!({"op_id": "one"}));
    let answer = host.receive();
    assert_eq!(
        (&answer["error_type"], &answer["op_id"]),
        (&json!("request_error"), &json!("one"))
    );
    assert_eq!(host.receive()["type"], "complete");
}

#[test]
fn only_excess_requests_are_rejected() {
    let mut host = Host::new();
    for _ in 0..40 {
        host.start("sleep 0.01", &json!({}));
    }
    let ends: Vec<_> = (0..40)
        .map(|_| host.outcome().end["type"].clone())
        .collect();
    assert!(ends.contains(&json!("complete")));
    assert!(ends.contains(&json!("error")));
    host.ping();
}

#[test]
fn disconnect_ends_program() {
    let mut host = Host::new();
    host.start("echo $$; sleep 600", &json!({}));
    let process = host.receive()["chunk"].as_str().unwrap().to_owned();
    host.reconnect();
    // The second host gets no response to the first host's request.
    host.ping();
    wait_for_end(&process);
    host.ping();
    while host.scripts() > 0 {
        host.ping();
    }
}

#[test]
fn immediate_reconnect_ends_session() {
    let mut host = Host::new();
    // A late notification about this host.
    host.notify_changes(1);
    host.start("echo $$; sleep 600", &json!({}));
    let process = host.receive()["chunk"].as_str().unwrap().to_owned();
    host.ping();
    std::thread::sleep(Duration::from_millis(100));
    host.notify_changes(2);
    drop(host.wait_for_end());
    wait_for_end(&process);
}

#[test]
fn dying_programs_do_not_affect_next_host() {
    let mut host = Host::new();
    for number in 0..8 {
        host.start("echo up; sleep 600", &json!({"op_id": number.to_string()}));
        assert_eq!(host.receive()["chunk"], "up\n");
    }
    host.reconnect();
    for number in 0..8 {
        host.start("echo new", &json!({"op_id": number.to_string()}));
    }
    let mut ends = 0;
    while ends < 8 {
        let response = host.receive();
        assert_ne!(response["type"], "error", "{response}");
        ends += u32::from(response["type"] == "complete");
    }
}

#[test]
fn late_notification_after_hello_keeps_requests() {
    let mut host = Host::new();
    host.start("sleep 1; echo before > before", &json!({"op_id": "before"}));
    host.request(&json!({"action": "hello"}));
    assert_eq!(host.receive()["type"], "hello");
    host.start("sleep 1; echo after", &json!({"op_id": "after"}));
    // Longer than the grace period of a host without hello.
    std::thread::sleep(Duration::from_millis(200));
    host.notify_changes(2);
    host.be_the_next();
    let outcome = host.outcome();
    assert_eq!(outcome.end["op_id"], "after");
    assert_eq!(outcome.stdout, "after\n");
    assert!(!host.home("before").exists());
}

#[test]
fn unfinished_line_does_not_affect_next_host() {
    let mut host = Host::new();
    host.send(b"{\"action\": \"exec\", \"code\": \"");
    std::thread::sleep(Duration::from_millis(100));
    host.reconnect();
    host.ping();
}

#[test]
fn slow_host_blocks_program_but_not_agent() {
    let mut host = Host::new();
    host.start("head -c 900000 /dev/zero; echo > written", &json!({}));
    std::thread::sleep(Duration::from_millis(500));
    assert!(!host.home("written").exists(), "the code was not stopped");
    let outcome = host.outcome();
    assert_eq!(outcome.stdout.len(), 900_000);
    assert_eq!(outcome.end["exit_code"], 0);
}

#[test]
fn hello_ends_earlier_requests() {
    let mut host = Host::new();
    host.request(&json!({"action": "hello"}));
    assert_eq!(host.receive()["type"], "hello");
    host.start("echo $$; sleep 600", &json!({"op_id": "1"}));
    let process = host.receive()["chunk"].as_str().unwrap().to_owned();
    // The next host connects without a notification.
    host.request(&json!({"action": "hello"}));
    assert_eq!(host.receive()["type"], "hello");
    host.start("echo new", &json!({"op_id": "1"}));
    assert_eq!(host.outcome().stdout, "new\n");
    wait_for_end(&process);
}
