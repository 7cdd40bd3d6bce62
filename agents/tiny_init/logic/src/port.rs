//! Names of virtio-serial ports.

/// The ports that the agent requires: requests arrive on the first one, responses leave on the second one.
pub const NEEDED: [&str; 2] = ["org.dualeai.cmd", "org.dualeai.event"];

/// Returns the name from the content of a port's `name` file, if it is a safe file name.
///
/// The host chooses names freely. A link with an unsafe name could leave its directory.
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
    fn name_rejects_unsafe_names() {
        assert_eq!(name(b"org.dualeai.cmd\n"), Some(&b"org.dualeai.cmd"[..]));
        for wrong in [&b""[..], b"\n", b"..", b"a/b", b".hidden", &[b'x'; 65]] {
            assert_eq!(name(wrong), None);
        }
    }
}
