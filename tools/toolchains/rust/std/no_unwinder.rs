//! Stands in for an unwinder.
//!
//! std asks one for the frames of a backtrace, and names the functions that catch a panic. Guest programs end at a
//! panic, and have no symbols that a frame could be named by.

#![no_std]

use core::ffi::{c_int, c_void};

/// `_URC_END_OF_STACK`: there are no more frames.
const END_OF_STACK: c_int = 5;

/// Walks over no frame.
#[no_mangle]
pub extern "C" fn _Unwind_Backtrace(_callback: *const c_void, _argument: *mut c_void) -> c_int {
    END_OF_STACK
}

/// Knows of no function.
#[no_mangle]
pub extern "C" fn _Unwind_FindEnclosingFunction(_address: *mut c_void) -> *mut c_void {
    core::ptr::null_mut()
}

/// Defines functions that take a frame, of which there is none: nobody calls them.
macro_rules! without_frame {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[doc = "Nobody has a frame to call it with."]
            #[no_mangle]
            pub extern "C" fn $name($($argument: $type),*) -> $result {
                Default::default()
            }
        )*
    };
}

without_frame! {
    _Unwind_GetCFA(_frame: *mut c_void) -> usize;
    _Unwind_GetDataRelBase(_frame: *mut c_void) -> usize;
    _Unwind_GetIP(_frame: *mut c_void) -> usize;
    _Unwind_GetIPInfo(_frame: *mut c_void, _before: *mut c_int) -> usize;
    _Unwind_GetLanguageSpecificData(_frame: *mut c_void) -> usize;
    _Unwind_GetRegionStart(_frame: *mut c_void) -> usize;
    _Unwind_GetTextRelBase(_frame: *mut c_void) -> usize;
    _Unwind_SetGR(_frame: *mut c_void, _register: c_int, _value: usize) -> ();
    _Unwind_SetIP(_frame: *mut c_void, _value: usize) -> ();
}
