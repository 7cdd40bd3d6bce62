//! Text on the stack, and safe display of untrusted bytes.

use core::fmt;

/// The end of a truncated line.
const CUT: &[u8] = b"...";

/// Text of at most `N` bytes. A longer text is truncated, and [`Text::is_cut`] returns true.
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
    cut: bool,
}

impl<const N: usize> Text<N> {
    /// Creates an empty text.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
            cut: false,
        }
    }

    /// Returns the text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Returns whether the text is truncated.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Appends as many bytes as fit.
    pub fn push(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(N - self.length);
        self.bytes[self.length..self.length + fits].copy_from_slice(&bytes[..fits]);
        self.length += fits;
        self.cut |= fits < bytes.len();
    }

    /// Ends the text with a newline. A truncated text ends with `...` before it.
    pub fn end_line(&mut self) {
        self.length = self.length.min(N - 1);
        if self.cut {
            let start = self.length.saturating_sub(CUT.len());
            self.bytes[start..self.length].copy_from_slice(&CUT[..self.length - start]);
        }
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

/// Displays bytes safely on a terminal: `?` replaces bytes that are not printable ASCII.
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
    fn end_line_marks_truncated_line() {
        let mut text = Text::<8>::new();
        write!(text, "abcdef-{}", 12_345).unwrap();
        assert_eq!(text.as_bytes(), b"abcdef-1");
        assert!(text.is_cut());
        text.end_line();
        assert_eq!(text.as_bytes(), b"abcd...\n");
    }

    #[test]
    fn end_line_adds_newline_to_whole_line() {
        let mut text = Text::<8>::new();
        text.push(b"abcdefg");
        text.end_line();
        assert_eq!(text.as_bytes(), b"abcdefg\n");
        assert!(!text.is_cut());
    }

    #[test]
    fn printable_replaces_control_characters() {
        assert_eq!(Printable(b"vda\x1b[2J\n\xff").to_string(), "vda?[2J??");
    }
}
