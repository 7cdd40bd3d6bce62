"""Causes in guests and in this project's own build: their lines in a log, and the next step."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from tools.ci_diagnose.row import Cause, row


def _panic(groups: dict[str, str], _: Sequence[str]) -> dict[str, str]:
    """Decode a wait status (wait(2)): the exit code is its second byte, a signal its lowest seven bits."""
    status = int(groups["status"], 16)
    code, number = status >> 8 & 0xFF, status & 0x7F
    if number:
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = "unknown"
        meaning = f"signal {number} ({name})"
    else:
        meaning = f"exit code {code}"
    return {**groups, "meaning": meaning}


CAUSES: Sequence[Cause] = (
    row(
        "agent_wrong_architecture",
        r"\[init\] execv failed: errno=8\b",
        "the guest agent on the disk is of another architecture (ENOEXEC)",
        "build the disk with the rules of //images, which reject that, and find out what created this one",
        words=("[init] execv",),
    ),
    row(
        "agent_missing",
        r"\[init\] execv failed: errno=2\b",
        "the disk has no /usr/local/bin/guest-agent (ENOENT)",
        "boot a disk of //images:qcow2_*, or add the agent to `binaries` of its rootfs",
        words=("[init] execv",),
    ),
    row(
        "agent_not_executable",
        r"\[init\] execv failed: errno=13\b",
        "the guest agent on the disk is not executable (EACCES)",
        "add it by `binaries` of the rootfs rule, which sets mode 0755",
        words=("[init] execv",),
    ),
    row(
        "agent_not_started",
        r"\[init\] execv failed: errno=(?P<errno>\d+)",
        "the guest agent could not be started (errno {errno})",
        "look the number up with `errno {errno}`, then at the file on the disk",
        words=("[init] execv",),
    ),
    row(
        "zram_failed",
        r"\[module\] zram\.ko: errno=(?P<errno>\d+)",
        "the guest has no swap: the kernel refused the module zram (errno {errno})",
        "boot the initramfs with the kernel that it was built for: both come from //images",
        words=("[module] zram",),
    ),
    row(
        "missing_module",
        r"\[module\] (?P<module>\S+?)(\.ko)?: errno=2\b",
        "the initramfs names the kernel module {module} but does not contain it",
        "build the initramfs with //tools/mkinitramfs, which fails if a module is missing",
        words=("[module] ",),
    ),
    row(
        "module_not_loaded",
        r"\[module\] (?P<module>\S+?)(\.ko)?: errno=(?P<errno>\d+)",
        "the kernel refused the module {module} (errno {errno})",
        "boot the initramfs with the kernel that it was built for: both come from //images",
        words=("[module] ",),
    ),
    row(
        "no_module_plan",
        r"\[module\] the initramfs has no /modules/plan",
        "the initramfs has no modules, and the kernel may need some",
        "boot the initramfs that was built for this kernel: both come from //images",
        words=("[module] ",),
    ),
    row(
        "no_ports",
        r"\[init\] ERROR: no port (?P<port>\S+)",
        "the guest has no virtio-serial port {port}",
        "give QEMU a virtio-serial device and a virtserialport of that name, as in the README's command",
        words=("[init] ERROR",),
    ),
    row(
        "no_root_disk",
        r"\[init\] ERROR: no root disk",
        "no root disk appeared",
        "give QEMU a virtio-blk device with the qcow2 image and serial=base, as in the README's command",
        words=("[init] ERROR",),
    ),
    row(
        "no_file_system",
        r"\[init\] ERROR: (?P<disk>\S+) holds neither ext4 nor EROFS",
        "the disk {disk} has no file system that tiny-init knows",
        "check the image with `qemu-img check`; boot one of //images:qcow2_*",
        words=("[init] ERROR",),
    ),
    row(
        "corrupt_file_system",
        r"\[init\] ERROR: cannot (?:mount|read) (?P<disk>\S+):",
        "the file system of {disk} is damaged",
        "check the image with `qemu-img check`, then use an undamaged one of //images:qcow2_*",
        words=("[init] ERROR",),
    ),
    row(
        "init_failed",
        r"\[init\] ERROR: (?P<reason>.+)",
        "tiny-init gave up: {reason}",
        "read docs/debugging.md for this line",
        words=("[init] ERROR",),
    ),
    row(
        "out_of_memory",
        r"Out of memory: Killed process|Kernel panic - not syncing: System is deadlocked on memory",
        "the guest ran out of memory",
        "give the guest more memory (-m), or reduce the memory of the code",
        words=("Out of memory", "Kernel panic"),
    ),
    row(
        "agent_panic",
        r"\[guest-agent\] .{0,500}panick",
        "the guest agent panicked",
        "report the lines before it: an agent should never end",
        words=("[guest-agent] ",),
    ),
    row(
        "kernel_panic",
        r"Kernel panic - not syncing: Attempted to kill init! exitcode=0x(?P<status>[0-9a-fA-F]+)",
        "process 1 of the guest ended with {meaning}",
        "look at the [init] and [guest-agent] lines before the panic",
        explain=_panic,
        words=("Kernel panic",),
    ),
    row(
        "kernel_panic_other",
        r"Kernel panic - not syncing: (?P<reason>.+)",
        "the guest's kernel panicked: {reason}",
        "check that kernel and initramfs come from the same //images and are not damaged",
        words=("Kernel panic",),
    ),
    row(
        "zram_failed",
        r"\[(?:init|guest-agent)\] zram: .{0,500}(?:errno=|os error )(?P<errno>\d+)",
        "the guest has no swap: zram failed (errno {errno})",
        "the boot continues without it; check the zram group of the initramfs and the guest's memory",
        words=("] zram: ",),
    ),
    row(
        "network_failed",
        r"\[guest-agent\] cannot set up (?P<what>\S+): (?P<reason>.+)",
        "the guest's network is not set up: {what}: {reason}",
        "make the root disk writable (no `ro`), and give the guest one virtio-net device",
        words=("[guest-agent] ",),
    ),
    row(
        "names_not_resolved",
        r"failure in name resolution|Could not resolve host|Resolving timed out",
        "the guest has no working network or DNS",
        "check that gvproxy runs on the host, and that the guest has a virtio-net device",
        words=("resol", "Resolving"),
    ),
    row(
        "wrong_architecture",
        r"is of (?:machine \S+, not|architecture \S+(?:,(?: but)?| and)) ?(?P<rest>.*)",
        "an input of another architecture does not fit the image: {rest}",
        "use the target of the image's own architecture in the message",
        words=("is of ",),
    ),
    row(
        "size_budget",
        r"(?<!\S)(?P<file>\S+) has [\d,]+ bytes, (?P<over>[\d,]+) over its budget",
        "{file} is larger than its budget, by {over} bytes",
        "see what grew with --test_output=all, then exclude it or raise images/budgets.json with a reason",
        words=("over its budget",),
    ),
    row(
        "download_changed",
        r"which the lock pins[.:]|Checksum was \w+ but wanted",
        "a pinned package differs from the lock, or is no longer available",
        "follow the message: retry, or update the lock with ./bazelw run //:lock",
        words=("which the lock pins", "Checksum was"),
    ),
    row(
        "lock_stale",
        r"answers another request than MODULE\.bazel's|have no lock file",
        "MODULE.bazel requests packages that are not in the lock",
        "update the lock with the command in the message",
        words=("answers another", "have no lock"),
    ),
    row(
        "lint",
        r"Fix it with: \./bazelw run //:format",
        "sources are not formatted or have lint",
        "run ./bazelw run //:format and commit",
        words=("Fix it with",),
    ),
    row(
        "agent_timeout",
        r"the agent did not answer within (?P<seconds>\d+) s|Guest agent not ready after (?P<other>\d+)s",
        "the guest's agent did not answer in time",
        "look for the last [init] stage line of the console: the boot stopped after it",
        words=("the agent did", "Guest agent"),
    ),
    row(
        "test_timeout",
        r"^-- Test timed out|^//\S+ +TIMEOUT in|^test status TIMEOUT",
        "a test exceeded its timeout",
        "read the end of its log; if it only needs more time, give its target a larger `timeout`",
        words=("Test timed out", "TIMEOUT"),
    ),
    row(
        "disk_full",
        r"No space left on device",
        "the machine that ran this has no disk space left",
        "free space, or give the runner a larger disk",
        words=("No space left",),
    ),
)
"""In order of explanation: earlier rows explain later ones."""
