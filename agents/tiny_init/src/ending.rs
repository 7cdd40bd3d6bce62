//! The end of the machine. A host notices it only when the emulator ends.

use tiny_init_logic::command_line::CommandLine;

use crate::file;

/// Makes the kernel restart the machine when it panics, unless the host has chosen otherwise.
///
/// Without `panic=` on its command line the kernel would hang forever, and so would the host. Hosts configure the emulator
/// to end instead of restarting the machine.
pub fn restart_on_panic(line: Option<CommandLine<'_>>) {
    if line.is_some_and(|line| line.value("panic").is_some()) {
        return;
    }
    let mut buffer = [0; 16];
    if matches!(
        file::read(c"/proc/sys/kernel/panic", &mut buffer),
        Ok(b"0\n")
    ) {
        let _ = file::write(c"/proc/sys/kernel/panic", b"-1");
    }
}

/// Selects the triple fault, which restarts every x86 machine, if there is no ACPI.
///
/// Otherwise the kernel would try the keyboard controller for more than a second, and then the BIOS, which boots again
/// without a restart that an emulator notices. Other architectures lack the file, and their firmware restarts the machine.
pub fn choose_restart(line: CommandLine<'_>) {
    let has_types = cfg!(target_arch = "x86_64");
    if has_types && line.value("reboot").is_none() && !file::exists(c"/sys/firmware/acpi") {
        let _ = file::write(c"/sys/kernel/reboot/type", b"triple");
    }
}
