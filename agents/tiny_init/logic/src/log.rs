//! The latest lines of the log, for a console that appears later.

/// The latest lines that fit into `N` bytes.
pub struct Log<const N: usize> {
    bytes: [u8; N],
    length: usize,
    lost: u32,
}

impl<const N: usize> Log<N> {
    /// Creates an empty log.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
            lost: 0,
        }
    }

    /// Appends a line. A full log drops its oldest lines, because the latest ones explain why a boot failed.
    ///
    /// The line must end with a newline. A line that is longer than the whole log is lost.
    pub fn push(&mut self, line: &[u8]) {
        if line.len() > N {
            self.lost += 1;
            return;
        }
        while self.length + line.len() > N {
            let kept = &self.bytes[..self.length];
            let first = kept.iter().position(|&byte| byte == b'\n');
            let end = first.map_or(self.length, |newline| newline + 1);
            self.bytes.copy_within(end..self.length, 0);
            self.length -= end;
            self.lost += 1;
        }
        self.bytes[self.length..self.length + line.len()].copy_from_slice(line);
        self.length += line.len();
    }

    /// Returns the lines.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Returns the number of lost lines.
    pub fn lost(&self) -> u32 {
        self.lost
    }
}

impl<const N: usize> Default for Log<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_log_keeps_latest_lines_and_counts_lost_ones() {
        let mut log = Log::<12>::new();
        for line in [&b"one\n"[..], b"two\n", b"six\n"] {
            log.push(line);
        }
        assert_eq!((log.as_bytes(), log.lost()), (&b"one\ntwo\nsix\n"[..], 0));
        log.push(b"seven\n");
        assert_eq!((log.as_bytes(), log.lost()), (&b"six\nseven\n"[..], 2));
    }

    #[test]
    fn push_counts_too_long_line_as_lost() {
        let mut log = Log::<4>::new();
        log.push(b"one\n");
        log.push(b"seven\n");
        assert_eq!((log.as_bytes(), log.lost()), (&b"one\n"[..], 1));
    }
}
