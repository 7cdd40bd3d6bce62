//! Tests of requests about files.

use std::os::unix::fs::{symlink, PermissionsExt};

use crate::host::{base64, Host};
use serde_json::{json, Value};

/// Returns a stored block of a zstd frame.
fn block(content: &[u8], last: bool) -> Vec<u8> {
    [&agent::zstd::block_header(content.len(), last), content].concat()
}

/// Returns a zstd frame of stored blocks.
fn frame(content: &[u8]) -> Vec<u8> {
    let mut frame = agent::zstd::FRAME.to_vec();
    for piece in content.chunks(128 << 10) {
        frame.extend(block(piece, false));
    }
    frame.extend(block(b"", true));
    frame
}

fn write(host: &mut Host, path: &str, content: &[u8], more: bool) -> Value {
    host.request(
        &json!({"action": "write_file", "op_id": "w", "path": path, "make_executable": more}),
    );
    for piece in frame(content).chunks(100_000) {
        let data = base64::encode(piece);
        host.request(&json!({"action": "file_chunk", "op_id": "w", "data": data}));
    }
    host.request(&json!({"action": "file_end", "op_id": "w"}));
    host.receive()
}

fn read(host: &mut Host, path: &str) -> Result<Vec<u8>, Value> {
    host.request(&json!({"action": "read_file", "op_id": "r", "path": path}));
    let (mut decoder, mut content) = (agent::zstd::Decoder::new(), Vec::new());
    loop {
        let answer = host.receive();
        assert_eq!(answer["op_id"], "r");
        match answer["type"].as_str() {
            Some("file_chunk") => {
                let data = base64::decode(answer["data"].as_str().unwrap().as_bytes()).unwrap();
                let take = |bytes: &[u8]| {
                    content.extend_from_slice(bytes);
                    Ok(())
                };
                decoder.push(&data, take).unwrap();
            }
            Some("file_read_complete") => {
                assert_eq!(
                    (&answer["path"], &answer["size"]),
                    (&json!(path), &json!(content.len()))
                );
                assert!(decoder.is_whole());
                return Ok(content);
            }
            _ => return Err(answer),
        }
    }
}

#[test]
fn read_file_returns_written_content() {
    let mut host = Host::new();
    for length in [0, 1, 128 << 10, 3_000_000] {
        let content: Vec<u8> = (0..length).map(|n: usize| (n * 31 % 253) as u8).collect();
        let answer = write(&mut host, "a/b/c.bin", &content, false);
        let expected = json!({"type": "file_write_ack", "op_id": "w", "path": "a/b/c.bin", "bytes_written": length});
        assert_eq!(answer, expected);
        assert_eq!(read(&mut host, "a/b/c.bin").unwrap(), content);
    }
    let mode = |name: &str| host.home(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("a/b/c.bin"), 0o644);
    assert_eq!(std::fs::read_dir(host.home("a/b")).unwrap().count(), 1);
    write(&mut host, "run", b"#!/bin/sh\necho hi\n", true);
    assert_eq!(host.run("./run", &json!({})).stdout, "hi\n");
}

#[test]
fn list_files_returns_entries() {
    let mut host = Host::new();
    host.run(
        "mkdir d; printf abc > f; touch .hidden; ln -s / link",
        &json!({}),
    );
    let sparse = std::fs::File::create(host.home("sparse")).unwrap();
    sparse.set_len(1 << 20).unwrap();
    host.request(&json!({"action": "list_files", "path": "", "op_id": "l"}));
    let answer = host.receive();
    assert_eq!(
        (&answer["type"], &answer["path"]),
        (&json!("file_list"), &json!(""))
    );
    let expected = json!([
        {"name": ".hidden", "is_dir": false, "size": 0},
        {"name": "d", "is_dir": true, "size": 0},
        {"name": "f", "is_dir": false, "size": 3},
        {"name": "link", "is_dir": false, "size": 0},
        {"name": "sparse", "is_dir": false, "size": 0},
    ]);
    assert_eq!(answer["entries"], expected);
    host.request(&json!({"action": "list_files", "path": "nowhere/../d/.."}));
    assert_eq!(host.receive()["entries"], expected);
    host.request(&json!({"action": "list_files", "path": "link"}));
    assert_eq!(host.receive()["error_type"], "path_error");
    host.request(&json!({"action": "list_files", "path": "f"}));
    assert_eq!(host.receive()["error_type"], "io_error");
}

#[test]
fn links_out_of_home_are_rejected() {
    let mut host = Host::new();
    symlink("/etc", host.home("etc")).unwrap();
    symlink("/etc/passwd", host.home("passwd")).unwrap();
    symlink("inside", host.home("link")).unwrap();
    std::fs::write(host.home("inside"), "x").unwrap();
    for path in ["etc/passwd", "passwd", "../home", "/etc/passwd"] {
        assert_eq!(
            read(&mut host, path).unwrap_err()["error_type"],
            "path_error",
            "{path}"
        );
    }
    assert_eq!(read(&mut host, "link").unwrap(), b"x");
    assert_eq!(
        write(&mut host, "etc/evil", b"x", false)["error_type"],
        "path_error"
    );
    assert_eq!(host.receive()["action"], "file_end");
    // The agent replaces a link and does not follow it.
    write(&mut host, "passwd", b"mine", false);
    assert!(!host.home("passwd").is_symlink());
    host.request(&json!({"action": "remove", "path": "etc", "recursive": true}));
    assert_eq!(host.receive()["type"], "ack");
    assert!(!host.home("etc").exists());
}

#[test]
fn read_file_rejects_other_kinds_of_files() {
    let mut host = Host::new();
    host.run("mkdir d; mkfifo pipe", &json!({}));
    for path in ["missing", "d", "pipe"] {
        assert_eq!(
            read(&mut host, path).unwrap_err()["error_type"],
            "io_error",
            "{path}"
        );
    }
    host.ping();
}

/// Asserts that a failed upload leaves nothing behind, and that its `file_end` fails as well.
fn assert_dropped(host: &mut Host) {
    host.request(&json!({"action": "file_end", "op_id": "w"}));
    let response = host.receive();
    assert_eq!(response["error_type"], "protocol_error");
    assert_eq!(response["action"], "file_end");
    let message = response["message"].as_str().unwrap();
    assert!(message.contains("No active write"), "{message}");
    host.ping();
    let mut entries = std::fs::read_dir(host.home("")).unwrap();
    assert!(entries.all(|entry| entry.unwrap().file_name() == "f"));
}

#[test]
fn damaged_upload_leaves_nothing() {
    let mut host = Host::new();
    assert_dropped(&mut host);
    host.request(&json!({"action": "write_file", "op_id": "w", "path": "f"}));
    for _ in 0..5 {
        host.request(&json!({"action": "file_chunk", "op_id": "w", "data": "AAAAAAAA"}));
    }
    let response = host.receive();
    assert_eq!(response["error_type"], "protocol_error");
    assert_eq!(response["action"], "file_chunk");
    assert_dropped(&mut host);
    for line in [
        json!({"action": "write_file", "path": "f"}),
        json!({"action": "read_file", "path": "f"}),
    ] {
        host.request(&line);
        assert_eq!(host.receive()["error_type"], "validation_error");
    }
}

#[test]
fn upload_with_lost_request_keeps_old_file() {
    // The frame has two blocks of 1,000 bytes and an end. Without the first one it is still complete.
    let block = |last| base64::encode(&block(&[b'n'; 1000], last));
    let begin = base64::encode(&agent::zstd::FRAME);
    for bad in [
        // Errors of the parser.
        r#"{"action":"file_chunk","op_id":"w","data":"n o"}"#.to_owned(),
        r#"{"action":"file_chunk","op_id":"w","data":7}"#.to_owned(),
        r#"{"action":"file_chunks","op_id":"w","data":""}"#.to_owned(),
        r#"{"action":"write_file","op_id":"w","path":"other"}"#.to_owned(),
        // Lines without an op_id.
        format!(r#"{{"action":"file_chunk","data":"{}"}}"#, block(false)),
        r#"{"action":"file_chunk","op_id":"w","data":"AAAA"#.to_owned(),
        "x".repeat((16 << 20) + 1),
    ] {
        let mut host = Host::new();
        std::fs::write(host.home("f"), "old").unwrap();
        let send = |host: &mut Host, data: &str| {
            host.request(&json!({"action": "file_chunk", "op_id": "w", "data": data}));
        };
        host.request(&json!({"action": "write_file", "op_id": "w", "path": "f"}));
        send(&mut host, &begin);
        host.send(format!("{bad}\n").as_bytes());
        assert_eq!(host.receive()["type"], "error");
        send(&mut host, &block(true));
        assert_dropped(&mut host);
        assert_eq!(std::fs::read(host.home("f")).unwrap(), b"old");
    }
}

#[test]
fn disconnect_during_upload_keeps_old_file() {
    let mut host = Host::new();
    std::fs::write(host.home("f"), "old").unwrap();
    host.request(&json!({"action": "write_file", "op_id": "w", "path": "f"}));
    let data = base64::encode(&frame(b"new")[..8]);
    host.request(&json!({"action": "file_chunk", "op_id": "w", "data": data}));
    host.ping();
    host.reconnect();
    host.ping();
    assert_eq!(std::fs::read(host.home("f")).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(host.home("")).unwrap().count(), 1);
}

#[test]
fn stat_mkdir_move_and_remove_respond() {
    let mut host = Host::new();
    let mut ask = |request: Value| {
        host.request(&request);
        host.receive()
    };
    assert_eq!(
        ask(json!({"action": "mkdir", "path": "a/b"}))["type"],
        "ack"
    );
    assert_eq!(
        ask(json!({"action": "mkdir", "path": "a/b"}))["type"],
        "ack"
    );
    let answer = ask(json!({"action": "stat", "path": "a/b"}));
    assert_eq!(
        (&answer["kind"], &answer["mode"]),
        (&json!("directory"), &json!(0o755))
    );
    assert_eq!(
        ask(json!({"action": "move", "path": "a/b", "to": "c/d"}))["type"],
        "ack"
    );
    assert_eq!(
        ask(json!({"action": "stat", "path": "a/b"}))["error_type"],
        "io_error"
    );
    assert_eq!(
        ask(json!({"action": "remove", "path": "c"}))["error_type"],
        "io_error"
    );
    assert_eq!(
        ask(json!({"action": "remove", "path": "c", "recursive": true}))["type"],
        "ack"
    );
    assert_eq!(
        ask(json!({"action": "stat", "path": "c"}))["error_type"],
        "io_error"
    );
    assert_eq!(
        ask(json!({"action": "remove", "path": "../x"}))["error_type"],
        "path_error"
    );
}

#[test]
fn remove_does_not_delay_other_requests() {
    let mut host = Host::new();
    std::fs::create_dir(host.home("wide")).unwrap();
    for number in 0..20_000 {
        std::fs::write(host.home(&format!("wide/{number}")), "").unwrap();
    }
    host.request(&json!({"action": "remove", "op_id": "r", "path": "wide", "recursive": true}));
    host.request(&json!({"action": "ping"}));
    assert_eq!(host.receive()["type"], "pong");
    let response = host.receive();
    assert_eq!(
        (&response["action"], &response["op_id"]),
        (&json!("remove"), &json!("r"))
    );
    assert!(!host.home("wide").exists());
}

/// Returns a frame whose header requests a window of 8 MiB, with blocks that repeat one byte.
fn bomb(blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3];
    for number in 1..=blocks {
        let header = (128 << 10 << 3) | (1 << 1) | u32::from(number == blocks);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(b'x');
    }
    frame
}

#[test]
fn highly_compressed_upload_does_not_delay_ping() {
    let mut host = Host::new();
    host.request(&json!({"action": "write_file", "op_id": "w", "path": "f"}));
    let data = base64::encode(&bomb(1600));
    host.request(&json!({"action": "file_chunk", "op_id": "w", "data": data}));
    host.request(&json!({"action": "file_end", "op_id": "w"}));
    host.request(&json!({"action": "ping"}));
    assert_eq!(host.receive()["type"], "pong");
    let response = host.receive();
    assert_eq!(response["type"], "file_write_ack", "{response}");
    assert_eq!(response["bytes_written"], 1600 * (128 << 10));
}

#[test]
fn windows_of_all_uploads_are_limited() {
    let mut host = Host::new();
    let data = base64::encode(&bomb(1000)[..6]);
    for number in 0..3 {
        let name = number.to_string();
        host.request(&json!({"action": "write_file", "op_id": name, "path": name}));
        host.request(&json!({"action": "file_chunk", "op_id": name, "data": data}));
    }
    let response = host.receive();
    assert_eq!(
        (&response["error_type"], &response["op_id"]),
        (&json!("protocol_error"), &json!("2"))
    );
}
