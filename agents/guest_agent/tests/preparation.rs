//! Tests when the agent prepares the machine for user code.

use std::fs;
use std::path::Path;
use std::time::Duration;

use agent::config::Config;
use agent::preparation::Preparation;
use serde_json::json;

use crate::host::Host;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

/// Waits for the file `go` in the home, and creates the file `prepared` there.
fn prepare(config: &mut Config) {
    wait_for(&config.home.join("go"));
    fs::write(config.home.join("prepared"), "").unwrap();
}

fn wait_for(path: &Path) {
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn ping_is_answered_before_preparation() {
    let mut host = Host::with_preparation(Preparation::new(prepare, LONG));
    host.ping();
    assert!(!host.home("prepared").exists());
    fs::write(host.home("go"), "").unwrap();
    // The preparation needs no further request.
    wait_for(&host.home("prepared"));
}

#[test]
fn program_starts_after_preparation() {
    let mut host = Host::with_preparation(Preparation::new(prepare, LONG));
    host.start("ls prepared", &json!({}));
    fs::write(host.home("go"), "").unwrap();
    assert_eq!(host.outcome().stdout, "prepared\n");
}

#[test]
fn file_is_read_after_preparation() {
    let mut host = Host::with_preparation(Preparation::new(prepare, LONG));
    host.request(&json!({"action": "stat", "path": "prepared"}));
    fs::write(host.home("go"), "").unwrap();
    assert_eq!(host.receive()["type"], "stat");
}

#[test]
fn silent_host_does_not_prevent_preparation() {
    let host = Host::with_preparation(Preparation::new(prepare, Duration::ZERO));
    fs::write(host.home("go"), "").unwrap();
    wait_for(&host.home("prepared"));
}
