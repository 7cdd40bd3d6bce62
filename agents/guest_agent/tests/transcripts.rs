//! Replays the transcripts. Tests of host libraries use them, too.

use std::fs;
use std::path::Path;

use crate::host::Host;
use serde_json::Value;

/// Fields whose values differ from run to run.
const VOLATILE: &[&str] = &[
    "version",
    "boot",
    "execution_time_ms",
    "spawn_ms",
    "process_ms",
    "modified_ms",
];

/// Replaces volatile values.
fn comparable(response: &Value) -> Value {
    let mut response = response.clone();
    for (name, value) in response.as_object_mut().unwrap() {
        if VOLATILE.contains(&name.as_str()) {
            *value = Value::Null;
        }
    }
    response
}

fn replay(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let title = lines.next().unwrap()["title"].clone();
    let mut host = Host::new();
    for (number, line) in lines.enumerate() {
        let place = format!("{title}, line {}", number + 2);
        match (line.get("host"), line.get("guest")) {
            (Some(request), None) => host.request(request),
            (None, Some(expected)) => {
                let response = host.receive();
                assert_eq!(comparable(&response), comparable(expected), "{place}");
                // Volatile fields must be present in both.
                let names = |value: &Value| {
                    value
                        .as_object()
                        .unwrap()
                        .keys()
                        .cloned()
                        .collect::<Vec<_>>()
                };
                assert_eq!(names(&response), names(expected), "{place}");
            }
            _ => panic!("{place}: {line}"),
        }
    }
    // The agent must not have sent further responses.
    host.ping();
}

#[test]
fn agent_responds_as_in_transcripts() {
    let directory = Path::new(env!("TRANSCRIPTS"));
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            replay(&path);
            count += 1;
        }
    }
    assert!(count >= 5);
}
