//! Virtio devices, as in `/sys/bus/virtio/devices`.

/// A device that tiny-init handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A network card.
    Net,
    /// A disk.
    Block,
    /// An entropy device.
    Rng,
    /// A memory balloon.
    Balloon,
}

impl Device {
    /// Detects a device from the content of its file `device`: the number of its kind in the virtio standard.
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
    fn of_detects_device_numbers() {
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
