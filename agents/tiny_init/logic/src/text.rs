//! Text on the stack, and bytes of unknown origin as text.

use core::fmt;

/// What ends a line in place of what was cut off.
const CUT: &[u8] = b"...";

/// Text of at most `N` bytes; what does not fit is cut off, and [`Text::is_cut`] says so.
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
    cut: bool,
}

impl<const N: usize> Text<N> {
    /// Returns an empty text.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
            cut: false,
        }
    }

    /// Returns what was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Returns whether something did not fit.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Adds bytes, as many as fit.
    pub fn push(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(N - self.length);
        self.bytes[self.length..self.length + fits].copy_from_slice(&bytes[..fits]);
        self.length += fits;
        self.cut |= fits < bytes.len();
    }

    /// Ends the text with a newline. A text that was cut ends with `...` before it.
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
    fn cut_line_ends_with_dots_and_newline() {
        let mut text = Text::<8>::new();
        write!(text, "abcdef-{}", 12_345).unwrap();
        assert_eq!(text.as_bytes(), b"abcdef-1");
        assert!(text.is_cut());
        text.end_line();
        assert_eq!(text.as_bytes(), b"abcd...\n");
    }

    #[test]
    fn whole_line_ends_with_newline_only() {
        let mut text = Text::<8>::new();
        text.push(b"abcdefg");
        text.end_line();
        assert_eq!(text.as_bytes(), b"abcdefg\n");
        assert!(!text.is_cut());
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(Printable(b"vda\x1b[2J\n\xff").to_string(), "vda?[2J??");
    }
}
