//! The kernel's command line.

/// The kernel's command line, as in `/proc/cmdline`.
#[derive(Clone, Copy)]
pub struct CommandLine<'a>(&'a [u8]);

impl<'a> CommandLine<'a> {
    /// Wraps the line, without the newline at its end.
    pub fn new(line: &'a [u8]) -> Self {
        Self(line.trim_ascii())
    }

    /// Returns the words, split as the kernel does: double quotes keep blanks together.
    pub fn words(self) -> impl Iterator<Item = &'a [u8]> {
        let mut quoted = false;
        self.0
            .split(move |&byte| {
                quoted ^= byte == b'"';
                !quoted && byte.is_ascii_whitespace()
            })
            .filter(|word| !word.is_empty())
    }

    /// Returns the value of the last `key=value`: the last one wins, as in the kernel.
    pub fn value(self, key: &str) -> Option<&'a [u8]> {
        self.words().filter_map(|word| value(word, key)).last()
    }

    /// Returns whether the value of the last `key=value` is `1`.
    pub fn is_on(self, key: &str) -> bool {
        self.value(key) == Some(b"1")
    }

    /// Returns the value of the last `key=value` in seconds, if it is a short decimal number.
    pub fn seconds(self, key: &str) -> Option<u64> {
        let digits = self.value(key)?;
        if digits.is_empty() || digits.len() > 4 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(
            digits
                .iter()
                .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')),
        )
    }

    /// Returns whether the host requests a writable root disk.
    ///
    /// The last one of the words `ro`, `rw`, `rootflags=` and `init.rw=` that specifies the access counts.
    pub fn writes_disk(self) -> bool {
        self.words().filter_map(wants_writes).last() == Some(true)
    }

    /// Returns the device names of all `console=`, the last one first: the kernel uses it as `/dev/console`.
    ///
    /// Names that are not plain file names are excluded.
    pub fn consoles(self) -> impl Iterator<Item = &'a [u8]> {
        // There is no allocator, and quotes require reading forwards, so each name is counted from the start.
        let names = move || self.words().filter_map(console);
        (0..names().count())
            .rev()
            .filter_map(move |index| names().nth(index))
    }
}

/// Returns the device name of a `console=`, without options after a comma, if it is a plain name.
fn console(word: &[u8]) -> Option<&[u8]> {
    let device = value(word, "console")?;
    let name = device.split(|&byte| byte == b',').next()?;
    (!name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)).then_some(name)
}

/// Returns whether a word requests a writable root disk, if it specifies the access.
fn wants_writes(word: &[u8]) -> Option<bool> {
    match word {
        b"rw" | b"init.rw=1" => return Some(true),
        b"ro" => return Some(false),
        _ => {}
    }
    value(word, "rootflags")?
        .split(|&byte| byte == b',')
        .filter_map(|flag| match flag {
            b"rw" => Some(true),
            b"ro" => Some(false),
            _ => None,
        })
        .last()
}

fn value<'a>(word: &'a [u8], key: &str) -> Option<&'a [u8]> {
    word.strip_prefix(key.as_bytes())?.strip_prefix(b"=")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn words_split_at_blanks() {
        let line =
            CommandLine::new(b"console=ttyS0 loglevel=7  root=/dev/vda panic=-1 init.net=1\n");
        assert_eq!(line.words().count(), 5);
        assert!(line.is_on("init.net"));
        assert!(!line.is_on("init.balloon"));
    }

    #[test]
    fn words_keep_quoted_blanks() {
        let line = CommandLine::new(b"a=\"b init.net=1\" c");
        assert_eq!(line.words().count(), 2);
        assert!(!line.is_on("init.net"));
    }

    #[test]
    fn is_on_uses_last_value() {
        assert!(!CommandLine::new(b"init.net=1 init.net=0").is_on("init.net"));
    }

    #[test]
    fn value_requires_whole_key() {
        let line = CommandLine::new(b"init.network=1 xinit.net=1 init.net");
        assert_eq!(line.value("init.net"), None);
    }

    #[test]
    fn seconds_rejects_malformed_numbers() {
        let line = |text| CommandLine::new(text).seconds("init.rootwait");
        assert_eq!(line(b"init.rootwait=0"), Some(0));
        assert_eq!(line(b"init.rootwait=12"), Some(12));
        for wrong in [
            &b"init.rootwait="[..],
            b"init.rootwait=-1",
            b"init.rootwait=99999",
            b"init.rootwait=1s",
            b"",
        ] {
            assert_eq!(line(wrong), None);
        }
    }

    #[test]
    fn writes_disk_requires_writable_word() {
        let writes = |text| CommandLine::new(text).writes_disk();
        for line in [
            &b"rw"[..],
            b"ro rw",
            b"init.rw=1",
            b"rootflags=rw,noatime",
            b"rootflags=ro,rw",
            b"rw rootflags=noatime",
        ] {
            assert!(writes(line));
        }
        for line in [
            &b""[..],
            b"rw ro",
            b"init.rw=0",
            b"init.rw=11",
            b"rootflags=noatime",
            b"rootflags=nobarrier,norw",
            b"root=rw",
        ] {
            assert!(!writes(line));
        }
    }

    #[test]
    fn consoles_returns_plain_names_last_first() {
        let line = CommandLine::new(b"console=tty0 console=ttyS0,115200n8 console=../x console=");
        let names: Vec<&[u8]> = line.consoles().collect();
        assert_eq!(names, [&b"ttyS0"[..], b"tty0"]);
    }

    #[test]
    fn consoles_returns_all_names() {
        let line = CommandLine::new(b"console=a console=b console=c console=d console=e");
        let names: Vec<&[u8]> = line.consoles().collect();
        assert_eq!(names, [b"e", b"d", b"c", b"b", b"a"]);
    }
}
