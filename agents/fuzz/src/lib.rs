//! What fuzz targets share.

/// Makes a program of libFuzzer's out of a function from bytes: a panic in it is a finding.
#[macro_export]
macro_rules! fuzz_target {
    ($function:path) => {
        /// Called by libFuzzer for every input.
        #[no_mangle]
        pub extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
            let input = if size == 0 {
                &[][..]
            } else {
                // SAFETY: libFuzzer hands over so many bytes, which stay until this function returns.
                unsafe { ::core::slice::from_raw_parts(data, size) }
            };
            $function(input);
            0
        }
    };
}

/// Takes the first byte of an input as a choice.
pub fn choice(input: &[u8]) -> (u8, &[u8]) {
    input
        .split_first()
        .map_or((0, input), |(first, rest)| (*first, rest))
}
