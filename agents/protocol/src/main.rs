//! Prints the wire as a document.

fn main() {
    print!("{}", protocol::table::markdown());
}
