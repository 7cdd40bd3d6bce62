//! Tests of programs on a terminal.

use std::time::Duration;

use crate::host::{base64, Host};
use serde_json::{json, Value};

/// Starts a shell program with the op_id `a` on a terminal of 24 lines.
fn start(host: &mut Host, code: &str) {
    host.start(
        code,
        &json!({"op_id": "a", "pty": {"rows": 24, "cols": 80}, "timeout": 60}),
    );
}

fn run(code: &str) -> (String, Value) {
    let mut host = Host::new();
    start(&mut host, code);
    let outcome = host.outcome();
    assert_eq!(outcome.stderr, "");
    (outcome.stdout, outcome.end)
}

/// Types text, and receives the acknowledgement. Returns the output until then.
fn type_in(host: &mut Host, text: &str, eof: bool) -> String {
    let data = base64::encode(text.as_bytes());
    host.request(&json!({"action": "stdin", "op_id": "a", "data": data, "eof": eof}));
    let mut output = String::new();
    loop {
        let answer = host.receive();
        match answer["chunk"].as_str() {
            Some(chunk) => output += chunk,
            None => {
                assert_eq!(answer["action"], "stdin", "{answer}");
                return output;
            }
        }
    }
}

/// Receives output until it contains a text.
fn wait_for(host: &mut Host, text: &str) -> String {
    let mut output = String::new();
    while !output.contains(text) {
        let answer = host.receive();
        output += answer["chunk"].as_str().unwrap_or_else(|| {
            panic!("{answer} instead of {text:?} after {output:?}");
        });
    }
    output
}

#[test]
fn standard_files_are_terminal() {
    let code = "for n in 0 1 2; do test -t $n || exit 9; done; stty size; echo $TERM; echo err >&2";
    let (output, end) = run(code);
    assert_eq!(output, "24 80\r\nxterm-256color\r\nerr\r\n");
    assert_eq!(end["exit_code"], 0);
}

#[test]
fn terminal_controls_session() {
    let code = "echo to the terminal > /dev/tty; cut -d' ' -f1,5,6,8 /proc/$$/stat";
    let (output, _) = run(code);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "to the terminal");
    let numbers: Vec<&str> = lines.last().unwrap().split(' ').collect();
    // Process, group, session, and the foreground group of the terminal.
    assert_eq!(numbers.len(), 4, "{output}");
    assert!(numbers.iter().all(|number| *number == numbers[0]));
}

#[test]
fn env_vars_override_term() {
    let mut host = Host::new();
    host.start(
        "echo $TERM",
        &json!({"pty": {"rows": 1, "cols": 1}, "env_vars": {"TERM": "dumb"}}),
    );
    assert_eq!(host.outcome().stdout, "dumb\r\n");
}

#[test]
fn program_reads_typed_input_by_line() {
    let mut host = Host::new();
    start(
        &mut host,
        "stty -echo; echo up; read a; echo \"got $a\"; cat; echo end; cat",
    );
    wait_for(&mut host, "up\r\n");
    // Erasing removes whole characters.
    type_in(&mut host, "onü\u{7f}e\n", false);
    wait_for(&mut host, "got one\r\n");
    // The end-of-file character ends the input of one program, not of the next one.
    type_in(&mut host, "two\n", true);
    let output = wait_for(&mut host, "end\r\n");
    assert!(output.starts_with("two\r\n"), "{output}");
    type_in(&mut host, "three\n", true);
    let outcome = host.outcome();
    assert_eq!(outcome.stdout, "three\r\n");
    assert_eq!(outcome.end["exit_code"], 0);
}

#[test]
fn control_c_sends_signal() {
    let mut host = Host::new();
    start(
        &mut host,
        "stty -echo; trap 'echo caught; exit 3' INT; echo up; while :; do sleep 0.05; done",
    );
    wait_for(&mut host, "up\r\n");
    type_in(&mut host, "\u{3}", false);
    let outcome = host.outcome();
    assert_eq!(outcome.end["exit_code"], 3);
}

#[test]
fn resize_reaches_program() {
    let mut host = Host::new();
    start(
        &mut host,
        "trap 'stty size; exit 0' WINCH; echo up; while :; do sleep 0.05; done",
    );
    wait_for(&mut host, "up\r\n");
    host.request(&json!({"action": "resize", "op_id": "a", "rows": 50, "cols": 1000}));
    let answer = host.receive();
    assert_eq!(
        (&answer["type"], &answer["action"], &answer["op_id"]),
        (&json!("ack"), &json!("resize"), &json!("a"))
    );
    assert_eq!(host.outcome().stdout, "50 1000\r\n");
}

#[test]
fn resize_requires_terminal() {
    let mut host = Host::new();
    let resize = |op_id: &str| json!({"action": "resize", "op_id": op_id, "rows": 50, "cols": 100});
    host.start("sleep 5", &json!({"op_id": "a"}));
    for op_id in ["a", "b"] {
        host.request(&resize(op_id));
        assert_eq!(host.receive()["error_type"], "request_error");
    }
}

#[test]
fn output_is_unlimited_but_waits_for_host() {
    const BYTES: usize = 4_000_000;
    let mut host = Host::new();
    start(
        &mut host,
        &format!("head -c {BYTES} /dev/zero; echo > written"),
    );
    std::thread::sleep(Duration::from_secs(1));
    assert!(!host.home("written").exists(), "it was not stopped");
    let outcome = host.outcome();
    assert_eq!(outcome.stdout.len(), BYTES);
    assert_eq!(outcome.end["exit_code"], 0);
}

#[test]
fn last_output_is_not_lost() {
    for _ in 0..20 {
        let (output, _) = run("seq 1 2000");
        assert_eq!(output.lines().count(), 2000);
        assert!(output.ends_with("\r\n2000\r\n"));
    }
}

#[test]
fn program_without_standard_files_can_reopen_terminal() {
    let (output, end) = run("exec <&- >&- 2>&-; sleep 0.3; exec > /dev/tty; echo back; exit 4");
    assert_eq!(output, "back\r\n");
    assert_eq!(end["exit_code"], 4);
}

#[test]
fn signal_cancel_and_timeout_work_on_terminal() {
    let mut host = Host::new();
    start(
        &mut host,
        "trap 'exit 7' USR1; echo up; while :; do sleep 0.05; done",
    );
    wait_for(&mut host, "up\r\n");
    host.request(&json!({"action": "signal", "op_id": "a", "signal": 10}));
    assert_eq!(host.receive()["action"], "signal");
    assert_eq!(host.outcome().end["exit_code"], 7);

    start(
        &mut host,
        "trap '' HUP TERM; echo up; while :; do sleep 0.05; done",
    );
    wait_for(&mut host, "up\r\n");
    host.request(&json!({"action": "cancel", "op_id": "a"}));
    assert_eq!(host.receive()["action"], "cancel");
    assert_eq!(host.outcome().end["exit_code"], 137);

    let more = json!({"pty": {"rows": 24, "cols": 80}, "timeout": 1});
    let outcome = host.run("trap '' HUP TERM; while :; do sleep 0.05; done", &more);
    assert_eq!(outcome.end["error_type"], "timeout_error");
}
