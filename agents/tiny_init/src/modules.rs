//! Loads kernel modules in the order of the plan.

use tiny_init_logic::path::Path;
use tiny_init_logic::plan::{self, Group, Loaded};
use tiny_init_logic::text::Printable;

use crate::devices;
use crate::fatal::{cannot, Fatal};
use crate::file;
use crate::sys::{open, Errno, Fd};

/// The plan, and the groups that are loaded.
pub struct Modules {
    plan: [u8; plan::LIMIT],
    length: usize,
    loaded: Loaded,
}

impl Modules {
    /// Reads the plan. It is empty if the kernel does not support modules.
    pub fn read() -> Result<Self, Fatal> {
        let mut modules = Self {
            plan: [0; plan::LIMIT],
            length: 0,
            loaded: Loaded::default(),
        };
        if !file::exists(c"/proc/modules") {
            return Ok(modules);
        }
        match file::read(c"/modules/plan", &mut modules.plan).map(<[u8]>::len) {
            Ok(length) => modules.length = length,
            // Everything may be built in. Otherwise the wait for the device fails and names it.
            Err(Errno::NOENT) => log_fmt!("[module] the initramfs has no /modules/plan"),
            Err(Errno::FBIG) => {
                let limit = plan::LIMIT;
                return Err(Fatal::because(format_args!(
                    "/modules/plan has more than {limit} bytes"
                )));
            }
            Err(errno) => return Err(cannot("read /modules/plan")(errno)),
        }
        for line in modules.lines() {
            if let Err(plan::BadLine(line)) = line {
                let line = Printable(line);
                return Err(Fatal::because(format_args!(
                    "/modules/plan has an invalid line: {line}"
                )));
            }
        }
        Ok(modules)
    }

    /// Loads the modules of a group, once.
    ///
    /// Logs a module that fails, and continues. If its device is then missing, the wait for the device reports a more
    /// meaningful error.
    pub fn load(&mut self, group: Group) {
        if !self.loaded.insert(group) {
            return;
        }
        for module in self.lines().flatten() {
            if module.group != group {
                continue;
            }
            match load_file(module.file) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => log_fmt!("[module] {}: {errno}", Printable(module.file)),
            }
        }
    }

    /// Loads the drivers of the present devices.
    ///
    /// Devices appear some time after the modules of their bus are loaded, so every wait calls this again.
    pub fn load_for_devices(&mut self) {
        if self.length > 0 {
            devices::each_virtio(|device| {
                if let Some(group) = Group::of(device) {
                    self.load(group);
                }
            });
        }
    }

    fn lines(&self) -> impl Iterator<Item = Result<plan::Module<'_>, plan::BadLine<'_>>> {
        plan::modules(&self.plan[..self.length])
    }
}

fn load_file(name: &[u8]) -> Result<(), Errno> {
    let path = Path::join(&[b"/modules/", name]).map_err(|_| Errno::NOENT)?;
    Fd::open(path.as_c_str(), open::READ)?.load_module()
}
