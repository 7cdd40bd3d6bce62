//! Tests of sessions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::host::{wait_for_end, Host, Outcome};
use serde_json::{json, Value};

/// A host that uses sessions, with the Python of guests.
struct Session {
    host: Host,
    count: u32,
}

impl Session {
    fn new() -> Self {
        let host = Host::new();
        let python = std::env::current_dir().unwrap().join(env!("PYTHON"));
        let program = host.home(".local/bin/python3");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        let text = format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.display());
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { host, count: 0 }
    }

    fn start(&mut self, language: &str, code: &str, more: &Value) {
        self.count += 1;
        let mut request = json!({"action": "exec", "language": language, "code": code});
        request["op_id"] = json!(self.count.to_string());
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        self.host.request(&request);
    }

    fn exec(&mut self, language: &str, code: &str, more: &Value) -> Outcome {
        self.start(language, code, more);
        let outcome = self.host.outcome();
        assert_eq!(outcome.end["op_id"], self.count.to_string());
        outcome
    }

    /// Runs code that succeeds and prints nothing to standard error. Returns its output.
    fn run(&mut self, language: &str, code: &str) -> String {
        let outcome = self.exec(language, code, &json!({}));
        let end = &outcome.end;
        assert_eq!(
            (&*outcome.stderr, end["exit_code"].as_u64()),
            ("", Some(0)),
            "{end}"
        );
        outcome.stdout
    }

    fn python(&mut self, code: &str) -> String {
        self.run("python", code)
    }

    fn shell(&mut self, code: &str) -> String {
        self.run("raw", code)
    }

    fn exit_code(&mut self, language: &str, code: &str) -> u64 {
        let outcome = self.exec(language, code, &json!({}));
        let end = &outcome.end;
        end["exit_code"].as_u64().unwrap_or_else(|| panic!("{end}"))
    }

    fn warm(&mut self, language: &str) -> Value {
        self.host
            .request(&json!({"action": "warm_repl", "language": language, "op_id": "warm"}));
        self.host.receive()
    }
}

#[test]
fn python_keeps_state_between_execs() {
    let mut session = Session::new();
    session.python("import os\nx = 41\ndef f(): return x + 1\nos.chdir('/')");
    assert_eq!(
        session.python("print(f(), os.getcwd(), __name__)"),
        "42 / __main__\n"
    );
    assert_eq!(
        session.python("import sys\nprint(sys.argv, repr(sys.stdin.read()))\n1 + 1"),
        "['-c'] ''\n"
    );
    assert_eq!(
        session.python("print(len(str(10 ** 5000)), __doc__, '_serve' in globals())"),
        "5001 None False\n"
    );
    // Code of another language, or without a session, does not see the state.
    assert_eq!(session.shell("echo \"<$x>\""), "<>\n");
    let alone = session.exec("python", "print(x)", &json!({"session": false}));
    assert!(alone.stderr.contains("NameError"));
}

#[test]
fn python_keeps_state_after_exits_and_exceptions() {
    let mut session = Session::new();
    session.python("x = 7");
    for (code, exit_code, printed) in [
        ("import sys; sys.exit(3)", 3, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit('no text')", 1, ""),
        ("sys.exit(256 + 5)", 5, ""),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        (
            "if True:\n  y = 1\n  1 / 0",
            1,
            "  File \"<exec>\", line 3, in <module>\n    1 / 0",
        ),
        ("x = = 1", 1, "    x = = 1\n"),
    ] {
        let outcome = session.exec("python", code, &json!({}));
        assert_eq!(outcome.end["exit_code"], exit_code, "{code}");
        assert_eq!(
            outcome.stderr.is_empty(),
            printed.is_empty(),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains(printed), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("<string>"), "{}", outcome.stderr);
    }
    assert_eq!(session.python("print(x, y)"), "7 1\n");
}

#[test]
fn python_restarts_after_its_death() {
    let mut session = Session::new();
    for (code, exit_code) in [
        ("import os; x = 1; print('x', flush=True); os._exit(9)", 9),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            139,
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            137,
        ),
    ] {
        assert_eq!(session.exit_code("python", code), exit_code);
        assert_eq!(session.python("print('x' in globals())"), "False\n");
    }
}

#[test]
fn python_child_at_end_of_code_does_not_end_exec() {
    let mut session = Session::new();
    let code =
        "import os, time\nchild = os.fork()\nif child: os.waitpid(child, 0); print('parent')";
    assert_eq!(session.python(code), "parent\n");
    // The child ends after the code of its parent.
    let code = "r, w = os.pipe()\nchild = os.fork()\nif child == 0: os.read(r, 1); x = 'child'\nelse: x = 'parent'";
    session.python(code);
    assert_eq!(
        session.python("os.write(w, b'1'); print(x, os.waitpid(child, 0)[1])"),
        "parent 0\n"
    );
    // os._exit loses unflushed output.
    let code = "child = os.fork()\nif child == 0: print('lost'); os._exit(0)\nos.waitpid(child, 0); print('kept')";
    assert_eq!(session.python(code), "kept\n");
}

#[test]
fn python_multiprocessing_works() {
    let mut session = Session::new();
    let code = "import multiprocessing\ndef square(x): return x * x\n\
        with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(square, range(4)))";
    assert_eq!(session.python(code), "[0, 1, 4, 9]\n");
}

#[test]
fn python_processes_have_no_channel() {
    let mut session = Session::new();
    let list = "for name in os.listdir('/proc/self/fd'):\n  try: target = os.readlink('/proc/self/fd/' + name)\n  \
        except OSError: continue\n  if target.startswith('socket'): print(target)";
    let code = format!(
        "import os, sys, subprocess\nif os.fork() == 0:\n  exec({list:?})\n  sys.stdout.flush(); os._exit(0)\nos.wait()\n\
         sys.stdout.flush(); subprocess.run([sys.executable, '-c', {:?}], close_fds=False)",
        format!("import os\n{list}")
    );
    assert_eq!(session.python(&code), "");
}

#[test]
fn python_restarts_after_damage_to_channel() {
    let mut session = Session::new();
    for code in [
        "import os; os.closerange(3, 2000)",
        "import os\nfor n in range(3, 1100):\n  try: os.write(n, b'x' * 10000 + b'\\n{}\\n')\n  except OSError: pass",
    ] {
        assert_eq!(session.exit_code("python", code), 0, "{code}");
        assert_eq!(session.python("print(1)"), "1\n");
    }
}

#[test]
fn python_seeds_random_for_each_exec() {
    let mut session = Session::new();
    session.python("import random\nstate = random.getstate()");
    assert_eq!(
        session.python("print(random.getstate() == state)"),
        "False\n"
    );
}

#[test]
fn shell_keeps_state_between_execs() {
    let mut session = Session::new();
    session.shell(
        "cd /; x=5; a=(1 2 3); f() { echo \"f $x\"; }; trap 'echo trapped' USR1; exec 3>/dev/null",
    );
    let printed = session
        .shell("f; pwd; echo ${a[2]} $0; kill -USR1 $$; echo hi >&3; read l || echo nothing");
    assert_eq!(printed, "f 5\n/\n3 bash\ntrapped\nnothing\n");
    // No variable contains the request of the agent.
    let variables = session.shell("set");
    assert!(variables.contains("x=5") && !variables.contains("for _exec_string in 1"));
    // Code cannot replace the function that answers.
    assert_eq!(session.exit_code("raw", "_exec_answer() { :; }"), 1);
    assert_eq!(session.exit_code("raw", "(exit 7)"), 7);
    assert_eq!(session.exit_code("raw", "f; if then"), 2);
    assert_eq!(session.exit_code("raw", "return 4"), 4);
    for code in ["break", "continue"] {
        session.shell(code);
    }
    assert_eq!(session.shell("f"), "f 5\n");
}

#[test]
fn shell_takes_requests_whatever_code_has_set() {
    let mut session = Session::new();
    for code in [
        "IFS=0123456789",
        "LC_ALL=C",
        "LC_ALL=C.UTF-8",
        "LC_ALL=nothing",
        "set -o posix",
    ] {
        let more = json!({"env_vars": {"TEXT": "\u{e9}\u{20ac}\u{1f600}\n\t'\\ 0"}});
        session.exec("raw", code, &more);
        assert_eq!(
            session.shell("printf %s \"$TEXT\""),
            "\u{e9}\u{20ac}\u{1f600}\n\t'\\ 0",
            "{code}"
        );
    }
}

#[test]
fn shell_restarts_after_exit() {
    let mut session = Session::new();
    for (code, exit_code) in [
        ("x=1; exit 9", 9),
        ("x=1; set -e; false; echo not here", 1),
        ("x=1; kill -KILL $$", 137),
        ("x=1; exec true", 0),
    ] {
        assert_eq!(session.exit_code("raw", code), exit_code);
        assert_eq!(session.shell("echo \"<$x>\""), "<>\n");
    }
}

#[test]
fn shell_traces_only_code() {
    let mut session = Session::new();
    session.exec("raw", "set -x", &json!({}));
    let outcome = session.exec("raw", "echo hi", &json!({}));
    assert!(outcome.stderr.contains("+ echo hi\n"));
    assert!(
        !outcome.stderr.contains("token") && !outcome.stderr.contains("199"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn shell_runs_code_with_interpreter_line_as_program() {
    let mut session = Session::new();
    assert_eq!(
        session.shell("#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }"),
        "42\n"
    );
    assert_eq!(session.exit_code("raw", "#!/bin/sh\nexit 3"), 3);
}

#[test]
fn shell_processes_have_no_channel() {
    let mut session = Session::new();
    let code = "ls -l /proc/self/fd | grep socket; (ls -l /proc/self/fd | grep socket); sh -c 'ls -l /proc/$$/fd' | grep socket; true";
    assert_eq!(session.shell(code), "");
}

#[test]
fn env_vars_persist_in_session() {
    let mut session = Session::new();
    let variables = json!({"env_vars": {"GREETING": "it's \"so\" $x", "no-name": "1"}});
    for (language, code) in [
        ("python", "import os; print(os.environ['GREETING'])"),
        ("raw", "echo \"$GREETING\""),
    ] {
        let begun = session.exec(language, code, &variables);
        assert_eq!(begun.stdout, "it's \"so\" $x\n");
        assert_eq!(session.run(language, code), "it's \"so\" $x\n");
    }
}

#[test]
fn background_processes_survive_in_session() {
    let mut session = Session::new();
    let process = session.shell("sleep 600 & echo $!");
    assert_eq!(session.shell("kill -0 $! && echo alive"), "alive\n");
    session.exit_code("raw", "exit 0");
    wait_for_end(&process);

    let code = "import subprocess, threading, time\nchild = subprocess.Popen(['sleep', '600'])\n\
        stop = threading.Event()\nthread = threading.Thread(target=stop.wait)\nthread.start()\nprint(child.pid)";
    let process = session.python(code);
    assert_eq!(
        session.python("print(child.poll(), thread.is_alive()); stop.set()"),
        "None True\n"
    );
    session.exit_code("python", "import os; os._exit(0)");
    wait_for_end(&process);
}

#[test]
fn timeout_restarts_interpreter() {
    let mut session = Session::new();
    for (language, code) in [
        (
            "python",
            "import time; x = 1; print('before', flush=True); time.sleep(600)",
        ),
        (
            "raw",
            "x=1; echo before; trap '' TERM; while :; do sleep 0.1; done",
        ),
    ] {
        // Start the interpreter first, because its start counts and is slow on a busy machine.
        session.run(language, "# nothing");
        let outcome = session.exec(language, code, &json!({"timeout": 5}));
        assert_eq!(outcome.end["error_type"], "timeout_error");
        assert_eq!(outcome.stdout, "before\n");
    }
    assert_eq!(session.python("print('x' in globals())"), "False\n");
    assert_eq!(session.shell("echo \"<$x>\""), "<>\n");
}

#[test]
fn code_that_handles_sigterm_gets_complete() {
    let mut session = Session::new();
    let code = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\nx = 1\ntime.sleep(600)";
    let outcome = session.exec("python", code, &json!({"timeout": 2}));
    assert_eq!(outcome.end["exit_code"], 4, "{}", outcome.end);
    assert_eq!(session.python("print('x' in globals())"), "False\n");
}

#[test]
fn output_limit_keeps_state() {
    let mut session = Session::new();
    let outcome = session.exec("python", "x = 1; print('y' * 3_000_000); z = 2", &json!({}));
    assert_eq!(outcome.end["error_type"], "output_limit_error");
    assert_eq!(outcome.stdout.len(), 1_000_000);
    assert_eq!(session.python("print(x, z)"), "1 2\n");
    let outcome = session.exec("raw", "x=1; head -c 3000000 /dev/zero >&2; z=2", &json!({}));
    assert_eq!(outcome.end["error_type"], "output_limit_error");
    assert_eq!(session.shell("echo $x $z"), "1 2\n");
}

#[test]
fn complete_comes_after_all_output() {
    let mut session = Session::new();
    assert_eq!(session.python("print('y' * 900_000)").len(), 900_001);
    for _ in 0..50 {
        let outcome = session.exec("raw", "head -c 100000 /dev/zero; echo e >&2", &json!({}));
        assert_eq!((outcome.stdout.len(), &*outcome.stderr), (100_000, "e\n"));
    }
}

#[test]
fn execs_of_one_language_run_one_after_another() {
    let mut session = Session::new();
    for number in 0..4 {
        session.start(
            "raw",
            &format!("echo {number}; sleep 0.1; echo {number}"),
            &json!({}),
        );
    }
    for number in 0..4 {
        assert_eq!(
            session.host.outcome().stdout,
            format!("{number}\n{number}\n")
        );
    }
}

#[test]
fn warm_repl_reports_success_or_failure() {
    let mut session = Session::new();
    for language in ["python", "raw"] {
        for _ in 0..2 {
            let answer = session.warm(language);
            assert_eq!(
                (&answer["type"], &answer["status"]),
                (&json!("warm_repl_ack"), &json!("ok"))
            );
            assert_eq!(
                (&answer["language"], &answer["op_id"]),
                (&json!(language), &json!("warm"))
            );
        }
    }
    fs::write(
        session.host.home(".local/bin/python3"),
        "#!/bin/sh\nexit 5\n",
    )
    .unwrap();
    session.exit_code("python", "import os; os._exit(0)");
    let answer = session.warm("python");
    assert_eq!(
        (&answer["type"], &answer["status"]),
        (&json!("warm_repl_ack"), &json!("error"))
    );
    assert!(
        answer["message"].as_str().unwrap().contains("exit code 5"),
        "{answer}"
    );
}

#[test]
fn idle_interpreter_serves_next_host() {
    let mut session = Session::new();
    let code = "x=1; (while [ ! -e go ]; do sleep 0.02; done; echo late; echo > printed) &";
    session.shell(code);
    fs::write(session.host.home("go"), "").unwrap();
    while !session.host.home("printed").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    session.host.reconnect();
    // Output between two requests does not belong to this exec.
    assert_eq!(session.shell("wait; echo $x"), "1\n");
}

#[test]
fn disconnect_kills_interpreter_that_runs_code() {
    let mut session = Session::new();
    session.start("raw", "x=1; echo $$; sleep 600", &json!({}));
    let process = session.host.receive()["chunk"].as_str().unwrap().to_owned();
    session.start("raw", "echo never > never", &json!({}));
    session.host.reconnect();
    assert_eq!(session.shell("echo \"<$x>\""), "<>\n");
    wait_for_end(&process);
    assert!(!session.host.home("never").exists());
}

#[test]
fn signal_and_cancel_reach_session() {
    let mut session = Session::new();
    session.start(
        "raw",
        "trap 'echo caught; go=1' USR1; echo up; while [ ! $go ]; do sleep 0.02; done 2>/dev/null; true",
        &json!({}),
    );
    assert_eq!(session.host.receive()["chunk"], "up\n");
    session
        .host
        .request(&json!({"action": "stdin", "op_id": "1", "data": ""}));
    assert_eq!(
        session.host.receive()["error_type"],
        "stdin_not_requested_error"
    );
    session
        .host
        .request(&json!({"action": "signal", "op_id": "1", "signal": 10}));
    assert_eq!(session.host.receive()["type"], "ack");
    let outcome = session.host.outcome();
    assert_eq!(
        (&*outcome.stdout, &outcome.end["exit_code"]),
        ("caught\n", &json!(0))
    );
    session.start("raw", "sleep 600", &json!({}));
    session.start("raw", "echo waits", &json!({}));
    for (op_id, expected) in [("3", json!("execution_error")), ("2", json!(null))] {
        session
            .host
            .request(&json!({"action": "cancel", "op_id": op_id}));
        let mut answers = [session.host.receive(), session.host.receive()];
        answers.sort_by_key(|answer| answer["type"] == "ack");
        assert_eq!(answers[0]["error_type"], expected, "{answers:?}");
    }
    assert_eq!(session.shell("echo on"), "on\n");
}

#[test]
fn exec_without_op_id_or_after_hello_uses_no_session_by_default() {
    let mut session = Session::new();
    session
        .host
        .request(&json!({"action": "exec", "language": "raw", "code": "x=1"}));
    assert_eq!(session.host.outcome().end["exit_code"], 0);
    assert_eq!(session.shell("echo \"<$x>\"; x=2"), "<>\n");
    let outcome = session.exec("raw", "echo \"<$x>\"", &json!({"stdin": true}));
    assert_eq!(outcome.stdout, "<>\n");
    session.host.request(&json!({"action": "hello"}));
    assert_eq!(session.host.receive()["type"], "hello");
    assert_eq!(session.shell("echo \"<$x>\""), "<>\n");
    let asked = session.exec("raw", "echo \"<$x>\"", &json!({"session": true}));
    assert_eq!(asked.stdout, "<2>\n");
    for more in [
        json!({"session": true, "op_id": null}),
        json!({"session": true, "stdin": true}),
    ] {
        session.start("raw", "true", &more);
        assert_eq!(session.host.receive()["error_type"], "validation_error");
    }
}
