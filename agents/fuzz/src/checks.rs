//! Fuzzes the checks of paths, environment variables and packages: accepted values have no other meaning for programs.

#![no_main]

use protocol::{environment, limits, packages, HomePath, Language};

fuzzing::fuzz_target!(checks);

fn checks(input: &[u8]) {
    let (choice, rest) = fuzzing::choice(input);
    let text = String::from_utf8_lossy(rest).into_owned();
    match choice % 4 {
        0 => path(text),
        1 => variable(&text),
        2 => package(Language::Python, text),
        _ => package(Language::JavaScript, text),
    }
}

fn path(text: String) {
    let is_inside = HomePath::inside(text.clone()).is_ok();
    let Ok(path) = HomePath::new(text.clone()) else {
        assert!(!is_inside);
        return;
    };
    let names: Vec<&str> = path.names().collect();
    assert_eq!(path.as_str(), text);
    assert_eq!(is_inside, !names.is_empty());
    assert!(text.len() <= limits::PATH && !text.starts_with('/'));
    for name in &names {
        assert!(!["", ".", ".."].contains(name) && name.len() <= limits::NAME);
        assert!(!name.contains(['/', '\0']));
    }
    // The standard library resolves the path to the same components.
    let mut normal = std::path::PathBuf::new();
    for part in std::path::Path::new(&text).components() {
        match part {
            std::path::Component::ParentDir => assert!(normal.pop(), "the path leads out"),
            std::path::Component::CurDir => {}
            part => normal.push(part),
        }
    }
    assert!(normal.iter().eq(names.iter().map(std::ffi::OsStr::new)));
    // Normalizing is idempotent.
    let joined = names.join("/");
    let again =
        HomePath::new(joined.clone()).map(|path| path.names().collect::<Vec<_>>().join("/"));
    assert_eq!(again, Ok(joined));
}

fn variable(text: &str) {
    let (name, value) = text.split_once('\n').unwrap_or((text, ""));
    if let Err(error) = environment::check(name, value) {
        assert!(
            !error
                .message
                .contains(|c: char| c.is_control() && c != '\t'),
            "{error}"
        );
        return;
    }
    assert!(!name.chars().any(|c| c.is_control() && c != '\t'));
    // A value may have several lines.
    assert!(!value
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')));
    assert!(!name.is_empty() && !name.contains('=') && !name.starts_with("LD_"));
    assert!(![
        "PATH",
        "IFS",
        "ENV",
        "BASH_ENV",
        "PYTHONPATH",
        "NODE_OPTIONS"
    ]
    .contains(&name));
}

fn package(language: Language, text: String) {
    if packages::check(language, &[text.clone()]).is_err() {
        return;
    }
    // No program reads it as an option, a path, an address, a command or a marker. A scope is not a path.
    let text = match text.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((scope, name)) if language == Language::JavaScript => format!("{scope}_{name}"),
        _ => text,
    };
    assert!(text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    assert!(!text.contains([
        '/', '\\', ':', ';', ' ', '$', '`', '|', '&', '\'', '"', '\0', '\n', '(', ')', '#'
    ]));
    assert!(text.is_ascii() && !text.contains(".."));
    assert!(text.contains(['=', '@', '<', '>', '~', '!']));
}
