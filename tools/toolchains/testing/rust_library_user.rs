//! Uses the library.

fn main() {
    let words: Vec<u8> = std::env::args().flat_map(String::into_bytes).collect();
    println!(
        "{} {}",
        library::counter(7_u8)(&words),
        library::first(&words)
    );
}
