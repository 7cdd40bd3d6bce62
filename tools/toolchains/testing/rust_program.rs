//! Uses what a guest's standard library is made of, and panics when it is told to.

use std::collections::HashMap;
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    if words == ["panic"] {
        let none: Option<u8> = words.get(1).and_then(|word| word.parse().ok());
        none.expect("a reason to read");
    }

    let counts = thread::spawn(move || {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
        counts
    })
    .join()
    .expect("the thread ends");
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort();
    println!("{counts:?}");

    // Functions of the compiler's runtime.
    let wide = u128::from(process::id()) << 90;
    println!(
        "{} {:.3}",
        (wide / 7) * 7 + wide % 7 == wide,
        2.0_f64.sqrt()
    );

    let start = Instant::now();
    thread::sleep(Duration::from_millis(5));
    println!("{}", start.elapsed() >= Duration::from_millis(5));
    println!(
        "{}",
        fs::read_to_string("/nonexistent").expect_err("there is none")
    );
    let child = process::Command::new("/proc/self/exe")
        .arg("panic")
        .output()
        .expect("it starts");
    println!(
        "{}",
        String::from_utf8_lossy(&child.stderr).contains("a reason to read")
    );
}
