//! Text on the stack, and bytes of unknown origin as text.

use core::fmt;

/// Text of at most `N` bytes; what does not fit is cut off.
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// Returns an empty text.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
        }
    }

    /// Returns what was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Adds bytes, as many as fit.
    pub fn push(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(N - self.length);
        self.bytes[self.length..self.length + fits].copy_from_slice(&bytes[..fits]);
        self.length += fits;
    }

    /// Ends the text with a newline, in place of the last byte when it is full.
    pub fn end_line(&mut self) {
        self.length = self.length.min(N - 1);
        self.push(b"\n");
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// Shows bytes on a terminal safely: whatever is not printable ASCII is shown as `?`.
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&byte| {
            fmt::Write::write_char(
                formatter,
                match byte {
                    b' '..=b'~' => char::from(byte),
                    _ => '?',
                },
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;
    use std::string::ToString;

    #[test]
    fn what_does_not_fit_is_cut_off_but_the_newline_is_there() {
        let mut text = Text::<8>::new();
        write!(text, "abcdef-{}", 12_345).unwrap();
        assert_eq!(text.as_bytes(), b"abcdef-1");
        text.end_line();
        assert_eq!(text.as_bytes(), b"abcdef-\n");
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(Printable(b"vda\x1b[2J\n\xff").to_string(), "vda?[2J??");
    }
}
