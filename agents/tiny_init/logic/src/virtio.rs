//! Virtio devices, as `/sys/bus/virtio/devices` names them.

/// A device that tiny-init does something for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A network card.
    Net,
    /// A disk.
    Block,
    /// The host's entropy.
    Rng,
    /// Memory that the host can take back.
    Balloon,
}

impl Device {
    /// Recognises a device by the content of its file `device`: the number that the virtio standard gave its kind.
    pub fn of(content: &[u8]) -> Option<Self> {
        match content.trim_ascii() {
            b"0x0001" => Some(Self::Net),
            b"0x0002" => Some(Self::Block),
            b"0x0004" => Some(Self::Rng),
            b"0x0005" => Some(Self::Balloon),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Device;

    #[test]
    fn recognises_devices_by_number() {
        assert_eq!(Device::of(b"0x0001\n"), Some(Device::Net));
        assert_eq!(Device::of(b"0x0002\n"), Some(Device::Block));
        assert_eq!(Device::of(b"0x0004\n"), Some(Device::Rng));
        assert_eq!(Device::of(b"0x0005\n"), Some(Device::Balloon));
        for other in [
            &b"0x0003\n"[..],
            b"0x0010\n",
            b"0x00010\n",
            b"1\n",
            b"\n",
            b"",
        ] {
            assert_eq!(Device::of(other), None);
        }
    }
}
