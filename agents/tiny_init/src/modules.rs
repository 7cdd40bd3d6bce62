//! Kernel modules, in the order that the build solved.

use tiny_init_logic::path::Path;
use tiny_init_logic::plan::{self, Group};
use tiny_init_logic::text::Printable;

use crate::fatal::{cannot, Fatal};
use crate::file;
use crate::sys::{open, Errno, Fd};

/// Longest plan; one line is some 25 bytes.
const PLAN: usize = 4096;

/// Loads the modules of the wanted groups.
///
/// A module that fails is told, and the boot goes on: what is missing then is told again, with more meaning, by the
/// wait for the device.
pub fn load(wanted: impl Fn(Group) -> bool) -> Result<(), Fatal> {
    let mut buffer = [0; PLAN];
    let plan = file::read(c"/modules/plan", &mut buffer).map_err(cannot("read /modules/plan"))?;
    for module in plan::modules(plan) {
        let module = module.map_err(|plan::BadLine(line)| {
            let line = Printable(line);
            Fatal::because(format_args!("/modules/plan names no module with: {line}"))
        })?;
        if !wanted(module.group) {
            continue;
        }
        match load_file(module.file) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => log_fmt!("[module] {}: {errno}", Printable(module.file)),
        }
    }
    Ok(())
}

fn load_file(name: &[u8]) -> Result<(), Errno> {
    let path = Path::join(&[b"/modules/", name]).map_err(|_| Errno::NOENT)?;
    Fd::open(path.as_c_str(), open::READ)?.load_module()
}
