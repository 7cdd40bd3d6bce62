//! Generic and dynamic code, whose symbols have the crate's disambiguator in their names.

/// Returns a closure that counts what is greater than a limit.
pub fn counter<T: PartialOrd + 'static>(limit: T) -> Box<dyn Fn(&[T]) -> usize> {
    Box::new(move |values| values.iter().filter(|value| **value > limit).count())
}

/// Returns the first byte, and panics where there is none.
pub fn first(values: &[u8]) -> u8 {
    values[0]
}
