//! Shared code of fuzz targets.

/// Defines a libFuzzer program from a function that takes bytes. A panic is a finding.
#[macro_export]
macro_rules! fuzz_target {
    ($function:path) => {
        /// Runs one input, for libFuzzer.
        #[no_mangle]
        pub extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
            let input = if size == 0 {
                &[][..]
            } else {
                // SAFETY: libFuzzer passes this many bytes, which stay valid until this function returns.
                unsafe { ::core::slice::from_raw_parts(data, size) }
            };
            $function(input);
            0
        }
    };
}

/// Splits off the first byte of an input, as a choice.
pub fn choice(input: &[u8]) -> (u8, &[u8]) {
    input
        .split_first()
        .map_or((0, input), |(first, rest)| (*first, rest))
}
