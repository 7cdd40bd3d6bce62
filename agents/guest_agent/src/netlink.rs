//! The part of rtnetlink that one interface needs: requests and their acknowledgements.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{self, netdevice, AddressFamily, SocketFlags, SocketType};

use crate::sys;

const HEADER: usize = 16;

/// A request to the kernel.
pub struct Message(Vec<u8>);

impl Message {
    /// Creates a request from its type, additional flags, and the structure of the type.
    pub fn new(kind: u16, flags: i32, body: &[u8]) -> Self {
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
        let mut bytes = Vec::with_capacity(64);
        // `into_bytes` sets the length. With one request at a time, sequence number and sender may be zero.
        bytes.extend_from_slice(&0_u32.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(body);
        Self(bytes).aligned()
    }

    /// Adds an attribute.
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = (4 + value.len()) as u16;
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.aligned()
    }

    fn aligned(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn into_bytes(mut self) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// A connection to the kernel's tables of interfaces, addresses and routes.
pub struct Socket(OwnedFd);

impl Socket {
    /// Opens a connection.
    pub fn open() -> io::Result<Self> {
        let socket = net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            // `NETLINK_ROUTE` is zero.
            None,
        )?;
        Ok(Self(socket))
    }

    /// Sends a request and waits for the acknowledgement, which the kernel sends at once.
    pub fn request(&self, message: Message) -> io::Result<()> {
        sys::write(self.0.as_fd(), &message.into_bytes())?;
        let mut buffer = [0; 4096];
        let length = sys::read(self.0.as_fd(), &mut buffer)?;
        acknowledged(&buffer[..length])
    }

    /// Returns the number of an interface, if it exists.
    pub fn interface(name: &str) -> Option<u32> {
        // The kernel answers on any socket, and every kernel has this family.
        let socket = net::socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        );
        netdevice::name_to_index(socket.ok()?, name).ok()
    }
}

/// Converts an acknowledgement of the kernel into a result.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).map(|bytes| [bytes[0], bytes[1]]);
    let error = answer
        .get(HEADER..HEADER + 4)
        .map(|bytes| [bytes[0], bytes[1], bytes[2], bytes[3]]);
    match (kind.map(u16::from_ne_bytes), error.map(i32::from_ne_bytes)) {
        (Some(kind), Some(0)) if i32::from(kind) == libc::NLMSG_ERROR => Ok(()),
        (Some(kind), Some(error)) if i32::from(kind) == libc::NLMSG_ERROR => {
            Err(io::Error::from_raw_os_error(error.wrapping_neg()))
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the kernel's answer is not an acknowledgement",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_aligns_attributes_and_sets_length() {
        let bytes = Message::new(16, libc::NLM_F_CREATE, &[1; 6])
            .with(3, b"lo\0")
            .with(4, &[9; 4])
            .into_bytes();
        assert_eq!(bytes.len(), 16 + 8 + 8 + 8);
        assert_eq!(bytes[..4], 40_u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 16_u16.to_ne_bytes());
        assert_eq!(bytes[6..8], 0x405_u16.to_ne_bytes());
        assert_eq!(bytes[24..26], 7_u16.to_ne_bytes());
        assert_eq!(bytes[32..34], 8_u16.to_ne_bytes());
    }

    #[test]
    fn acknowledged_converts_answers() {
        let answer = |kind: u16, error: i32| {
            let mut bytes = vec![0; 36];
            bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
            bytes[16..20].copy_from_slice(&error.to_ne_bytes());
            bytes
        };
        assert!(acknowledged(&answer(2, 0)).is_ok());
        let error = acknowledged(&answer(2, -libc::ENODEV)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
        for wrong in [answer(3, 0), vec![], vec![0; 10]] {
            assert!(acknowledged(&wrong).is_err());
        }
    }
}
