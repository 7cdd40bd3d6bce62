//! Names of virtio-serial ports.

/// The ports that the agent cannot work without: requests come on the first, answers go out on the second.
pub const NEEDED: [&str; 2] = ["org.dualeai.cmd", "org.dualeai.event"];

/// Returns the name from the content of a port's `name` file, if it may become a file's name.
///
/// The host chooses names freely; a link is made only for one that stays in its folder.
pub fn name(content: &[u8]) -> Option<&[u8]> {
    let name = content.trim_ascii_end();
    let plain = name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    (!name.is_empty() && name.len() <= 64 && name[0] != b'.' && plain).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names() {
        assert_eq!(name(b"org.dualeai.cmd\n"), Some(&b"org.dualeai.cmd"[..]));
        for wrong in [&b""[..], b"\n", b"..", b"a/b", b".hidden", &[b'x'; 65]] {
            assert_eq!(name(wrong), None);
        }
    }
}
