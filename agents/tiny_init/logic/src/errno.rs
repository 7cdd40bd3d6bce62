//! Meanings of the error numbers of `execve`.

/// Returns the meaning of an error number of a failed `execve`.
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
    fn meaning_explains_documented_numbers() {
        assert_eq!(meaning(2), "binary not found");
        assert_eq!(meaning(8), "wrong architecture binary");
        assert_eq!(meaning(13), "permission denied");
        assert_eq!(meaning(5), "see errno(3)");
    }
}
