//! Tests of `exec` without a session.

use std::time::{Duration, Instant};

use crate::host::{wait_for_end, Host};
use serde_json::json;

#[test]
fn exec_returns_output_and_exit_code() {
    let outcome = Host::new().run("echo out; echo err >&2; exit 42", &json!({}));
    assert_eq!((&*outcome.stdout, &*outcome.stderr), ("out\n", "err\n"));
    assert_eq!(outcome.end["type"], "complete");
    assert_eq!(outcome.end["exit_code"], 42);
    for field in ["execution_time_ms", "spawn_ms", "process_ms"] {
        assert!(outcome.end[field].is_u64(), "{field}");
    }
    assert_eq!(outcome.end.get("op_id"), None);
}

#[test]
fn exit_code_of_signal_is_128_plus_number() {
    let outcome = Host::new().run("kill -SEGV $$", &json!({}));
    assert_eq!(outcome.end["exit_code"], 139);
}

#[test]
fn code_runs_in_home_with_clean_environment() {
    let mut host = Host::new();
    let variables = json!({"env_vars": {"GREETING": "grüß dich", "HOME": "/elsewhere"}});
    let outcome = host.run(
        "pwd; echo $GREETING; echo $HOME; echo $USER; env",
        &variables,
    );
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(
        lines[0],
        host.home("").to_str().unwrap().trim_end_matches('/')
    );
    assert_eq!(lines[1..4], ["grüß dich", "/elsewhere", "user"]);
    assert!(!outcome.stdout.contains("CARGO") && !outcome.stdout.contains("TEST_"));
}

#[test]
fn standard_input_is_empty() {
    let outcome = Host::new().run("read line || echo nothing", &json!({}));
    assert_eq!(outcome.stdout, "nothing\n");
}

#[test]
fn program_leads_session_without_new_privileges() {
    let code = "grep NoNewPrivs /proc/self/status; cut -d' ' -f1,5,6 /proc/$$/stat; ls /proc/$$/fd; ulimit -c";
    let outcome = Host::new().run(code, &json!({}));
    let words: Vec<&str> = outcome.stdout.split_whitespace().collect();
    assert_eq!(words[..2], ["NoNewPrivs:", "1"]);
    // Process, group and session.
    assert_eq!(words[2], words[3]);
    assert_eq!(words[2], words[4]);
    // The standard files and the script of the shell.
    assert_eq!(words[5..8], ["0", "1", "2"]);
    assert!(words.len() <= 10, "{words:?}");
    assert_eq!(words.last(), Some(&"0"));
}

#[test]
fn exec_accepts_code_larger_than_argument() {
    let code = format!(": {}\necho done", "x".repeat(1_000_000));
    assert_eq!(Host::new().run(&code, &json!({})).stdout, "done\n");
}

#[test]
fn output_is_streamed() {
    let mut host = Host::new();
    let code = "echo one; while [ ! -e go ]; do sleep 0.02; done; echo two";
    host.start(code, &json!({}));
    assert_eq!(host.receive()["chunk"], "one\n");
    std::fs::write(host.home("go"), "").unwrap();
    assert_eq!(host.receive()["chunk"], "two\n");
    assert_eq!(host.receive()["type"], "complete");
}

#[test]
fn timeout_ends_program_but_not_agent() {
    let mut host = Host::new();
    let outcome = host.run("echo before; sleep 60", &json!({"timeout": 1}));
    assert_eq!(outcome.stdout, "before\n");
    assert_eq!(outcome.end["error_type"], "timeout_error");
    assert!(outcome.end["version"].is_string());
    assert_eq!(
        host.run("echo still here", &json!({})).stdout,
        "still here\n"
    );
}

#[test]
fn timeout_kills_program_that_ignores_sigterm() {
    let begun = Instant::now();
    let code = "trap '' TERM; while :; do sleep 0.1; done";
    let outcome = Host::new().run(code, &json!({"timeout": 1}));
    assert_eq!(outcome.end["error_type"], "timeout_error");
    let time = begun.elapsed();
    assert!(time >= Duration::from_millis(1300), "{time:?}");
}

#[test]
fn timeout_sends_output_after_sigterm() {
    let code = "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done";
    let outcome = Host::new().run(code, &json!({"timeout": 1}));
    assert_eq!(outcome.stdout, "bye\n");
    assert_eq!(outcome.end["error_type"], "timeout_error");
}

#[test]
fn output_limit_ends_program() {
    for (to, limit) in [("1", 1_000_000), ("2", 100_000)] {
        let code = format!("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done >&{to}");
        let outcome = Host::new().run(&code, &json!({}));
        assert_eq!(outcome.end["error_type"], "output_limit_error");
        assert_eq!(outcome.stdout.len() + outcome.stderr.len(), limit);
    }
}

#[test]
fn exec_accepts_output_up_to_limit() {
    let code = "head -c 1000000 /dev/zero; head -c 100000 /dev/zero >&2";
    let outcome = Host::new().run(code, &json!({}));
    assert_eq!(outcome.end["exit_code"], 0);
    assert_eq!(
        (outcome.stdout.len(), outcome.stderr.len()),
        (1_000_000, 100_000)
    );
}

#[test]
fn background_processes_end_with_program() {
    let mut host = Host::new();
    let outcome = host.run("sleep 600 & echo $!", &json!({}));
    assert_eq!(outcome.end["exit_code"], 0);
    wait_for_end(&outcome.stdout);
}

#[test]
fn process_in_other_session_does_not_delay_response() {
    // The sleep takes longer than the test waits for a response.
    let outcome = Host::new().run("setsid sleep 600 & echo early", &json!({}));
    assert_eq!(outcome.end["exit_code"], 0);
}

#[test]
fn files_with_code_are_deleted() {
    let mut host = Host::new();
    host.run("ls", &json!({}));
    host.run("sleep 60", &json!({"timeout": 1}));
    host.ping();
    assert_eq!(host.scripts(), 0);
}
