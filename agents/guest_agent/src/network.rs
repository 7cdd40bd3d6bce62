//! The network: one interface behind the host's gateway, with the same address in all guests.

use std::fs;
use std::io;
use std::path::Path;

use crate::netlink::{Message, Socket};

const ADDRESS: [u8; 4] = [192, 168, 127, 2];
const BROADCAST: [u8; 4] = [192, 168, 127, 255];
const PREFIX: u8 = 24;
const GATEWAY: [u8; 4] = [192, 168, 127, 1];
/// The resolver's configuration in memory, which `hardening` bind-mounts at `/etc/resolv.conf`.
pub const OWN_RESOLVER: &str = "/run/resolv.conf";

const RESOLVER: &str = "nameserver 192.168.127.1\n";

/// Sets up the network in the background, so that a host need not wait for it.
pub fn set_up() {
    let started = std::thread::Builder::new()
        .name("network".to_owned())
        .stack_size(128 << 10)
        .spawn(|| {
            log_failure("lo", loopback());
            // One check suffices: a loaded driver has probed its devices before the agent starts.
            match Socket::interface("eth0") {
                Some(interface) => log_failure("eth0", ethernet(interface)),
                None => log!("no network card"),
            }
            log!("network is set up");
        });
    if let Err(error) = started {
        log!("cannot set up the network: {error}");
    }
}

fn log_failure(what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        log!("cannot set up {what}: {error}");
    }
}

/// Brings up `lo`, to which the kernel gives its address.
fn loopback() -> io::Result<()> {
    match Socket::interface("lo") {
        Some(interface) => Socket::open()?.request(up(interface)),
        None => Ok(()),
    }
}

fn ethernet(interface: u32) -> io::Result<()> {
    let step = |what, result: io::Result<()>| {
        result.map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))
    };
    let socket = Socket::open()?;
    step("address", socket.request(address(interface)))?;
    step("up", socket.request(up(interface)))?;
    step("route", socket.request(default_route(interface)))?;
    step("/etc/resolv.conf", write_resolver())
}

/// Writes the resolver's configuration, unless the image contains it: the root may be read-only.
fn write_resolver() -> io::Result<()> {
    const PATH: &str = "/etc/resolv.conf";
    if fs::read_to_string(PATH).is_ok_and(|content| content == RESOLVER) {
        return Ok(());
    }
    let own = Path::new(OWN_RESOLVER).exists();
    fs::write(if own { OWN_RESOLVER } else { PATH }, RESOLVER)
}

fn up(interface: u32) -> Message {
    // struct ifinfomsg: family, padding, type, index, flags, mask of the flags to change.
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&interface.to_ne_bytes());
    body[8..12].copy_from_slice(&libc::IFF_UP.to_ne_bytes());
    body[12..16].copy_from_slice(&libc::IFF_UP.to_ne_bytes());
    Message::new(libc::RTM_NEWLINK, 0, &body)
}

fn address(interface: u32) -> Message {
    // struct ifaddrmsg: family, prefix length, flags, scope, index.
    let mut body = [
        libc::AF_INET as u8,
        PREFIX,
        0,
        libc::RT_SCOPE_UNIVERSE,
        0,
        0,
        0,
        0,
    ];
    body[4..8].copy_from_slice(&interface.to_ne_bytes());
    Message::new(
        libc::RTM_NEWADDR,
        libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        &body,
    )
    .with(libc::IFA_LOCAL, &ADDRESS)
    .with(libc::IFA_ADDRESS, &ADDRESS)
    .with(libc::IFA_BROADCAST, &BROADCAST)
}

fn default_route(interface: u32) -> Message {
    // struct rtmsg: family, prefix lengths, type of service, table, protocol, scope, type, flags.
    let body = [
        libc::AF_INET as u8,
        0,
        0,
        0,
        libc::RT_TABLE_MAIN,
        libc::RTPROT_BOOT,
        libc::RT_SCOPE_UNIVERSE,
        libc::RTN_UNICAST,
        0,
        0,
        0,
        0,
    ];
    Message::new(
        libc::RTM_NEWROUTE,
        libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        &body,
    )
    .with(libc::RTA_GATEWAY, &GATEWAY)
    .with(libc::RTA_OIF, &interface.to_ne_bytes())
}
