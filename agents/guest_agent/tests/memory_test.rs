//! Tests of the memory that an agent takes for a request: at most twice the length of the line plus 1 MiB, whatever the line
//! contains. An allocator counts it.

// Other tests use the rest of it.
#[allow(dead_code)]
mod host;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::Mutex;

use host::Host;
use serde_json::{json, Value};

/// Counts the allocations of agents' threads.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    static IS_AGENT: Cell<bool> = const { Cell::new(false) };
}

fn count(change: isize) {
    if IS_AGENT.try_with(Cell::get).unwrap_or(false) {
        let live = LIVE.fetch_add(change, Ordering::Relaxed) + change;
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

// SAFETY: all calls go to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    // Both glibc and the guest's musl remap large blocks without copying them.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn on_agent_thread() {
    IS_AGENT.set(true);
}

/// Serializes tests, because they share the counters.
static ALONE: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// Repeats a text up to a length, with separators.
fn fill(text: &str, separator: &str, length: usize) -> String {
    let one = format!("{text}{separator}");
    let filled = one.repeat(length / one.len());
    filled.strip_suffix(separator).unwrap_or(&filled).to_owned()
}

/// Returns hostile JSON values of about a length.
fn values(length: usize) -> Vec<String> {
    let text = |text: &str| format!("\"{}\"", fill(text, "", length));
    let list = |item: &str| format!("[{}]", fill(item, ",", length));
    let names = |count: usize| -> String {
        let entries: Vec<String> = (0..count).map(|n| format!("\"V{n}\":\"\"")).collect();
        format!("{{{}}}", entries.join(","))
    };
    vec![
        list(r#"{"":0}"#),
        list(r#"{"a":{"b":{"c":[]}}}"#),
        list("0"),
        list(r#""x==1""#),
        list(r#""""#),
        format!("{{{}}}", fill(r#""A":"""#, ",", length)),
        format!("{{{}}}", fill(r#""":{"":{}}"#, ",", length)),
        names(length / 12),
        format!("{}{}", "[".repeat(length / 2), "]".repeat(length / 2)),
        "[".repeat(length),
        "{\"\":".repeat(length / 4),
        text("x"),
        text("AAAA"),
        text("é"),
        text(r"\n"),
        text(r"AAA\/"),
        text(r"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\/"),
        text(r"\u0041"),
        text(r"\uffff"),
        text(r"\ud83d\ude00"),
        format!("{{{}:0}}", text("k")),
        format!("{{{}:0}}", text(r"k\n")),
        "1".repeat(length),
        format!("1e{}", "9".repeat(length)),
        format!("-0.{}", "0".repeat(length)),
    ]
}

/// Returns a request of every kind with only the required fields.
fn least() -> Vec<Value> {
    let requests = protocol::request::all();
    let requests = requests.iter().filter(|request| request.name != "shutdown");
    requests
        .map(|request| {
            let mut value = json!({"action": request.name, "op_id": "a"});
            for field in request.fields.iter().filter(|field| field.required) {
                value[field.name] = field.examples.good[0].clone();
            }
            if request.name == "exec" {
                value["language"] = json!("raw");
            }
            value
        })
        .collect()
}

/// Returns a request as a line, with a field of any JSON value.
fn with(request: &Value, name: &str, value: &str) -> String {
    let mut rest = request.clone();
    rest.as_object_mut().unwrap().remove(name);
    let rest = rest.to_string();
    let separator = if rest == "{}" { "" } else { "," };
    format!("{{\"{name}\":{value}{separator}{}", &rest[1..])
}

/// Sends a line, waits until the agent has handled it, and asserts the bound.
fn assert_bounded(host: &mut Host, line: &str, what: &str) {
    let line = format!("{line}\n");
    let rest = LIVE.load(Ordering::Relaxed);
    PEAK.store(rest, Ordering::Relaxed);
    host.send(line.as_bytes());
    host.request(&json!({"action": "ping", "op_id": "probe"}));
    while host.receive()["op_id"] != "probe" {}
    let taken = PEAK.load(Ordering::Relaxed) - rest;
    let most = (2 * line.len() + MIB) as isize;
    assert!(
        taken <= most,
        "{what}: {taken} bytes for a line of {}",
        line.len()
    );
}

/// Sends all requests with values of a length.
fn try_all(length: usize) {
    let mut host = Host::new();
    host.ping();
    let values = values(length);
    let known = protocol::request::all();
    for request in least() {
        let action = request["action"].as_str().unwrap();
        let declared = known.iter().find(|other| other.name == action).unwrap();
        let fields = declared.fields.iter().map(|field| field.name);
        let all: &[&str] = if action == "ping" {
            &["op_id", "action"]
        } else {
            &[]
        };
        for name in fields.chain(["x"]).chain(all.iter().copied()) {
            for (number, value) in values.iter().enumerate() {
                let line = with(&request, name, value);
                assert_bounded(&mut host, &line, &format!("{action} {name} {number}"));
            }
        }
    }
    // Repeat the same name.
    for request in least() {
        let members = request.to_string();
        let members = &members[1..members.len() - 1];
        let line = format!("{{{}}}", fill(members, ",", length));
        assert_bounded(&mut host, &line, &format!("{members} again"));
    }
    assert_bounded(&mut host, &format!("{{{}:0}}", values[11]), "a long name");
    for value in values {
        assert_bounded(&mut host, &value, "not a request");
        let cut = format!(r#"{{"action":"exec","code":{value}{{"action":"ping","x":{value}}}"#);
        assert_bounded(&mut host, &cut, "two requests");
    }
    host.request(&json!({"action": "remove", "path": "a", "recursive": true}));
    host.receive();
}

#[test]
fn every_request_takes_bounded_memory() {
    let _alone = ALONE.lock();
    try_all(MIB / 2);
    // Long lines, for the requests that take most memory.
    let mut host = Host::new();
    host.ping();
    for value in values((15 << 20) / 2) {
        let line = with(&json!({"action": "ping"}), "x", &value);
        assert_bounded(&mut host, &line, "ping");
        let chunk = json!({"action": "file_chunk", "op_id": "w"});
        assert_bounded(&mut host, &with(&chunk, "data", &value), "file_chunk");
        let exec = json!({"action": "exec", "language": "raw", "op_id": "e"});
        assert_bounded(&mut host, &with(&exec, "code", &value), "exec");
    }
}

#[test]
fn agent_releases_memory_after_requests() {
    let _alone = ALONE.lock();
    let mut host = Host::new();
    host.ping();
    let rest = LIVE.load(Ordering::Relaxed);
    for value in values(4 * MIB) {
        assert_bounded(
            &mut host,
            &with(&json!({"action": "ping"}), "x", &value),
            "ping",
        );
    }
    let kept = LIVE.load(Ordering::Relaxed) - rest;
    assert!(kept < 128 << 10, "{kept} bytes are kept");
}

#[test]
fn agent_does_not_produce_unread_responses() {
    let _alone = ALONE.lock();
    let mut host = Host::new();
    std::fs::create_dir(host.home("wide")).unwrap();
    // JSON needs six bytes for each character of such a name.
    for number in 0..100 {
        let name = format!("wide/{number}-{}", "\u{1}".repeat(200));
        std::fs::write(host.home(&name), "").unwrap();
    }
    host.ping();
    let rest = LIVE.load(Ordering::Relaxed);
    PEAK.store(rest, Ordering::Relaxed);
    // The agent reads all requests at once: 64 KiB that request more than 100 MiB of responses.
    let request = "{\"action\":\"list_files\",\"path\":\"wide\"}\n";
    host.send(request.repeat(1400).as_bytes());
    for _ in 0..1400 {
        assert_eq!(host.receive()["type"], "file_list");
    }
    let taken = PEAK.load(Ordering::Relaxed) - rest;
    assert!(taken < 2 * MIB as isize, "{taken} bytes");
}
