//! What error numbers of `execve` mean for the agent's program.

/// Returns the meaning of an error number for a program that could not be executed.
pub fn meaning(errno: i32) -> &'static str {
    match errno {
        2 => "binary not found",
        8 => "wrong architecture binary",
        13 => "permission denied",
        _ => "see errno(3)",
    }
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn documented_numbers_have_a_meaning() {
        assert_eq!(meaning(2), "binary not found");
        assert_eq!(meaning(8), "wrong architecture binary");
        assert_eq!(meaning(13), "permission denied");
        assert_eq!(meaning(5), "see errno(3)");
    }
}
