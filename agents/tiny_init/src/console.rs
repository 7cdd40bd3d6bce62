//! The console, and the macro that writes to it.

use core::cell::UnsafeCell;

use tiny_init_logic::command_line::CommandLine;
use tiny_init_logic::log::Log;
use tiny_init_logic::path::Path;
use tiny_init_logic::text::Text;

use crate::sys::{self, open, Errno, Fd};

/// Longest line in bytes. A longer one is truncated and ends with `...`.
const LINE: usize = 512;

/// Size in bytes of the log that is repeated on a console that appears later.
const MISSED: usize = 4096;

/// Time to wait for a console that accepts nothing. Further lines do not wait until it accepts one.
const PATIENCE_US: u64 = 200_000;

/// Writes one line to the console, with one `write(2)`; `format!`'s syntax, no newline.
macro_rules! log_fmt {
    ($($argument:tt)*) => {
        $crate::console::write_line(::core::format_args!($($argument)*))
    };
}

// The initial value is all zeros, so that it takes no space in the program file.
struct State {
    device: Option<Device>,
    /// Whether the device accepts nothing.
    stuck: bool,
    /// The log so far, for a console that appears later.
    log: Log<MISSED>,
}

struct Device {
    path: Path,
    file: Fd,
}

struct Shared(UnsafeCell<State>);

// SAFETY: the program has one thread and no signal handlers.
unsafe impl Sync for Shared {}

static CONSOLE: Shared = Shared(UnsafeCell::new(State {
    device: None,
    stuck: false,
    log: Log::new(),
}));

/// Runs `action` with the console's state. `action` must neither log nor call this function.
fn with<T>(action: impl FnOnce(&mut State) -> T) -> T {
    // SAFETY: the program has one thread, and no action calls this function again.
    action(unsafe { &mut *CONSOLE.0.get() })
}

/// Opens the best console that works now, and uses it as standard input, output and error.
///
/// `hvc0` comes before the kernel's consoles: if a host provides both, the serial port is not connected (QEMU's `virt`
/// machine has a PL011 even with `-serial none`). Call this again when devices may have appeared. A new console gets the
/// log so far.
pub fn select(line: CommandLine<'_>) {
    with(|state| {
        let names = [&b"hvc0"[..]]
            .into_iter()
            .chain(line.consoles())
            .chain([&b"ttyS0"[..], b"ttyAMA0"]);
        for name in names {
            let Ok(path) = Path::join(&[b"/dev/", name]) else {
                continue;
            };
            if let Some(present) = &state.device {
                if present.path.as_bytes() == path.as_bytes() {
                    return;
                }
            }
            let Some(file) = open_terminal(&path) else {
                continue;
            };
            for number in 0..3 {
                let _ = file.duplicate_to(number);
            }
            state.stuck = !write_log(&file, &state.log);
            state.device = Some(Device { path, file });
            return;
        }
    });
}

/// Writes one line, for `log_fmt!`.
pub fn write_line(line: core::fmt::Arguments<'_>) {
    let mut text = Text::<LINE>::new();
    let _ = core::fmt::Write::write_fmt(&mut text, line);
    text.end_line();
    with(|state| {
        state.log.push(text.as_bytes());
        if let Some(device) = &state.device {
            let patience = if state.stuck { 0 } else { PATIENCE_US };
            state.stuck = !write(&device.file, text.as_bytes(), patience);
        }
    });
}

/// Waits briefly until the console has sent its output.
pub fn drain() {
    with(|state| {
        let Some(Device { file: device, .. }) = &state.device else {
            // Standard error is the kernel's console, if the kernel opened one.
            write_log(&Fd::standard_error(), &state.log);
            return;
        };
        for _ in 0..100 {
            if !matches!(device.unsent(), Ok(1..)) {
                break;
            }
            sys::sleep(5_000);
        }
        // The driver's queue is empty; the device's queue may not be.
        sys::sleep(20_000);
    });
}

/// Makes writes to the console block again, as the next program expects of its standard output.
pub fn hand_over() {
    with(|state| {
        if let Some(device) = &state.device {
            let _ = device.file.set_blocking();
        }
    });
}

/// Opens a terminal if its hardware exists. Never waits for a carrier or a reader.
fn open_terminal(path: &Path) -> Option<Fd> {
    let flags = open::READ_WRITE | open::NOCTTY | open::NONBLOCK;
    let device = Fd::open(path.as_c_str(), flags).ok()?;
    device.is_terminal().then_some(device)
}

/// Writes the log; returns whether the device accepted it.
fn write_log(device: &Fd, log: &Log<MISSED>) -> bool {
    if log.lost() > 0 {
        let mut text = Text::<64>::new();
        let _ = core::fmt::Write::write_fmt(
            &mut text,
            format_args!("[init] the first {} lines are lost", log.lost()),
        );
        text.end_line();
        write(device, text.as_bytes(), PATIENCE_US);
    }
    write(device, log.as_bytes(), PATIENCE_US)
}

/// Writes to a device that may be blocked for a while; returns whether it accepted everything.
fn write(device: &Fd, mut bytes: &[u8], patience: u64) -> bool {
    let mut waited = 0;
    while !bytes.is_empty() {
        match device.write(bytes) {
            Ok(count) => bytes = &bytes[count.min(bytes.len())..],
            Err(Errno::AGAIN) if waited < patience => {
                sys::sleep(1_000);
                waited += 1_000;
            }
            Err(_) => return false,
        }
    }
    true
}
