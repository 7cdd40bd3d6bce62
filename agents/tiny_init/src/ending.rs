//! How the machine ends: a host learns of an end only when the machine's emulator ends.

use tiny_init_logic::command_line::CommandLine;

use crate::file;

/// Has the kernel restart the machine when it panics, unless the host has chosen something else.
///
/// Without `panic=` on its command line it would stand still for ever, and the host with it. Hosts have the emulator
/// end where the machine would restart.
pub fn restart_on_panic() {
    let mut buffer = [0; 16];
    if matches!(
        file::read(c"/proc/sys/kernel/panic", &mut buffer),
        Ok(b"0\n")
    ) {
        let _ = file::write(c"/proc/sys/kernel/panic", b"-1");
    }
}

/// Chooses a way to restart that every x86 machine has, where there is no ACPI to say one.
///
/// The kernel would try the keyboard's controller for more than a second, then the BIOS, which boots again and which no
/// emulator takes for a restart. Other architectures have no such file, and their firmware restarts the machine.
pub fn choose_restart(line: CommandLine<'_>) {
    if line.value("reboot").is_none() && !file::exists(c"/sys/firmware/acpi") {
        let _ = file::write(c"/sys/kernel/reboot/type", b"triple");
    }
}
