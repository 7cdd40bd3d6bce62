//! Fuzzes the memory of the parser: the length of a line bounds it, whatever the line contains.

#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicIsize, Ordering};

use protocol::request::parse;

/// Additional bytes, for errors, lists of fields, and requests that consist mostly of names.
const ROOM: usize = 16 << 10;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// Counts allocations of a single thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(change: isize) {
    let live = LIVE.fetch_add(change, Ordering::Relaxed) + change;
    PEAK.fetch_max(live, Ordering::Relaxed);
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
}

fuzzing::fuzz_target!(memory);

fn memory(input: &[u8]) {
    // Repeat a part of the input, as a hostile host may. The first two bytes select the part.
    let (start, rest) = fuzzing::choice(input);
    let (length, line) = fuzzing::choice(rest);
    let start = (usize::from(start) * 16).min(line.len());
    let end = (start + usize::from(length)).min(line.len());
    let part = &line[start..end];
    bounded(line);
    bounded(&[&line[..start], &part.repeat(64), &line[end..]].concat());
}

fn bounded(line: &[u8]) {
    let rest = LIVE.load(Ordering::Relaxed);
    PEAK.store(rest, Ordering::Relaxed);
    let parsed = black_box(parse(line));
    let taken = PEAK.load(Ordering::Relaxed) - rest;
    drop(parsed);
    let most = (2 * line.len() + ROOM) as isize;
    assert!(taken <= most, "{taken} bytes for {}", line.len());
}
