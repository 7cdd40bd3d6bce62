//! Examples of everything that the declaration declares, at its limits and beyond them: what parser and schema are
//! tested with.

use serde_json::{json, Map, Value};

use crate::answer::{Entry, Stream};
use crate::declaration::{Field, Kind, ACTIONS, OP_ID};
use crate::{base64, Answer, Error, ErrorType};

/// Longest value that is made: more says nothing new.
const LONGEST: usize = 2 << 20;

/// Returns requests: each action with the least it needs, and with each of its fields as it may be, as it may not be, and
/// absent.
pub fn requests() -> Vec<Value> {
    let mut requests = Vec::new();
    for action in ACTIONS {
        let fields = action.fields.iter().filter(|field| field.required);
        let mut least: Map<String, Value> = fields
            .map(|field| (field.name.to_owned(), values(&field.kind).0.swap_remove(0)))
            .collect();
        least.insert("action".to_owned(), json!(action.name));
        if action.needs_op_id {
            least.insert("op_id".to_owned(), json!("a"));
        }
        requests.push(Value::Object(least.clone()));
        for field in action.fields.iter().chain([&OP_ID]) {
            let with = |value| {
                let mut request = least.clone();
                request.insert(field.name.to_owned(), value);
                Value::Object(request)
            };
            let (good, bad) = values(&field.kind);
            requests.extend(good.into_iter().chain(bad).chain([Value::Null]).map(with));
            let mut without = least.clone();
            without.remove(field.name);
            requests.push(Value::Object(without));
        }
    }
    for (field, value) in [
        ("stdin", json!(true)),
        ("stdin", json!(false)),
        ("pty", json!({"rows": 1, "cols": 1})),
    ] {
        let mut request = json!({"action": "exec", "language": "javascript", "code": ""});
        request[field] = value;
        requests.push(request);
    }
    requests
}

/// Returns values that a field may have, and some that it may not.
fn values(kind: &Kind) -> (Vec<Value>, Vec<Value>) {
    let text = |length: usize| json!("x".repeat(length));
    let bytes = |length: usize| json!(base64::encode(&vec![0xfb; length]));
    let not_text = || vec![json!(1), json!(true), json!(["x"]), json!({})];
    match kind {
        Kind::Text { least, most } => {
            let mut bad = not_text();
            bad.extend(least.checked_sub(1).map(text));
            bad.extend(
                [most + 1]
                    .into_iter()
                    .filter(|&most| most <= LONGEST)
                    .map(text),
            );
            (vec![text(*least), text((*most).min(LONGEST))], bad)
        }
        Kind::Word(words) => {
            let mut bad = not_text();
            bad.extend([json!(""), json!("cobol")]);
            (words.iter().map(|word| json!(word)).collect(), bad)
        }
        Kind::Number { least, most } => {
            let mut bad = vec![json!("1"), json!(-1), json!(1.5), json!([]), json!(1e300)];
            bad.extend(least.checked_sub(1).map(Value::from));
            bad.extend(most.checked_add(1).map(Value::from));
            (vec![json!(least), json!(most)], bad)
        }
        Kind::Integer => (
            vec![json!(i64::MIN), json!(0)],
            vec![json!("0"), json!(0.5)],
        ),
        Kind::Flag => (
            vec![json!(false), json!(true)],
            vec![json!(0), json!("true"), json!([])],
        ),
        Kind::Bytes { least, most } => {
            let mut bad = not_text();
            bad.extend([
                json!("AAA"),
                json!("AA=A"),
                json!("A-A_"),
                json!("AAAA\n"),
                json!("===="),
            ]);
            bad.extend(least.checked_sub(1).map(bytes));
            bad.extend(
                [most + 3]
                    .into_iter()
                    .filter(|&most| most <= LONGEST)
                    .map(bytes),
            );
            (
                vec![
                    bytes(*least),
                    bytes(least + 1),
                    bytes(least + 2),
                    bytes((*most).min(LONGEST)),
                ],
                bad,
            )
        }
        Kind::Path { home } => {
            let mut good = vec![
                json!("a/b"),
                json!("..a/b.."),
                json!("./a//b/"),
                json!("x".repeat(255)),
                json!("ü\n"),
            ];
            let mut bad = not_text();
            bad.extend(["/", "/a", "..", "a/..", "../a", "a/../b", "a\0"].map(Value::from));
            bad.extend([json!("x".repeat(256)), json!("x/".repeat(2049))]);
            let homes = ["", ".", "./", "././/."].map(Value::from);
            if *home { &mut good } else { &mut bad }.extend(homes);
            (good, bad)
        }
        Kind::Variables => {
            let some = |count: usize| {
                (0..count)
                    .map(|number| (format!("V{number}"), json!("")))
                    .collect()
            };
            let one = |name: &str, value: &str| json!({name: value});
            let good = vec![
                json!({}),
                Value::Object(some(100)),
                one(&"ü".repeat(256), &"ü".repeat(4096)),
                one("PATHS", "=\t"),
            ];
            let bad = vec![
                json!([]),
                json!("A=1"),
                json!({"A": 1}),
                Value::Object(some(101)),
                one("", ""),
                one("A=", ""),
                one("A\n", ""),
                one("\u{9c}", ""),
                one("A", "\u{85}"),
                one("A", "\u{1b}[2J"),
                one("PATH", "/"),
                one("LD_PRELOAD", "x"),
                one(&"x".repeat(257), ""),
                one("A", &"x".repeat(4097)),
            ];
            (good, bad)
        }
        Kind::Packages => {
            let good = vec![json!(["six==1.0"]), json!(vec!["six==1.0"; 50])];
            (
                good,
                vec![
                    json!([]),
                    json!("six==1.0"),
                    json!([1]),
                    json!(vec!["six==1.0"; 51]),
                ],
            )
        }
        Kind::Object(fields) | Kind::List(fields) => {
            let object = |change: Option<(&Field, Option<Value>)>| {
                let mut object: Map<String, Value> = fields
                    .iter()
                    .map(|field| (field.name.to_owned(), values(&field.kind).0.swap_remove(0)))
                    .collect();
                match change {
                    Some((field, Some(value))) => object.insert(field.name.to_owned(), value),
                    Some((field, None)) => object.remove(field.name),
                    None => None,
                };
                Value::Object(object)
            };
            let mut bad = vec![json!(true), json!("x"), json!([1])];
            for field in *fields {
                bad.push(object(Some((field, None))));
                bad.extend(
                    values(&field.kind)
                        .1
                        .into_iter()
                        .map(|value| object(Some((field, Some(value))))),
                );
            }
            (vec![object(None)], bad)
        }
    }
}

/// Returns every kind of answer.
pub fn answers() -> Vec<Answer> {
    let version = "1.2.3";
    let path = || "a/b".to_owned();
    let entry = Entry {
        name: "a".to_owned(),
        is_dir: false,
        size: 5,
    };
    let mut answers = vec![
        Answer::Pong {
            version,
            boot: None,
        },
        Answer::Pong {
            version,
            boot: Some("kernel=1".to_owned()),
        },
        Answer::Hello {
            protocol: 1,
            version,
            boot: String::new(),
        },
        Answer::Ack { action: "signal" },
        Answer::StdinAck { waiting: 5 },
        Answer::FileWritten {
            path: path(),
            bytes_written: 500 << 20,
        },
        Answer::FileChunk {
            data: vec![0; 128 << 10],
        },
        Answer::FileRead {
            path: path(),
            size: 0,
        },
        Answer::FileList {
            path: String::new(),
            entries: vec![entry],
        },
        Answer::Stat {
            path: path(),
            kind: "file",
            size: 1,
            mode: 0o4755,
            modified_ms: -1,
        },
        Answer::Clock { unix_ns: u64::MAX },
        Answer::Reseed {
            bytes: 32,
            reseeded: true,
        },
        Answer::Metrics {
            values: vec![("uptime_ms", 5), ("zombies", 0)],
        },
        Answer::Output {
            stream: Stream::Stdout,
            chunk: "a\n\0".to_owned(),
        },
        Answer::Output {
            stream: Stream::Stderr,
            chunk: "\u{fffd}".to_owned(),
        },
        Answer::Complete {
            exit_code: 137,
            execution_time_ms: 3,
            spawn_ms: 1,
            process_ms: 2,
        },
    ];
    let errors = ErrorType::ALL.map(|kind| Answer::Error {
        error: Error::new(kind, "why"),
        version,
    });
    answers.extend(errors);
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::REPLIES;
    use crate::request;

    fn parse(request: &Value) -> Result<request::Request, Error> {
        request::parse(request.to_string().as_bytes()).request
    }

    #[test]
    fn what_is_declared_is_taken_and_nothing_else() {
        for action in ACTIONS {
            let mut least = json!({"action": action.name, "op_id": "a"});
            for field in action.fields.iter().filter(|field| field.required) {
                least[field.name] = values(&field.kind).0.swap_remove(0);
            }
            for field in action.fields.iter().chain([&OP_ID]) {
                let (good, bad) = values(&field.kind);
                for value in good {
                    let mut request = least.clone();
                    request[field.name] = value;
                    let shell = field.name == "language" && action.name == "install_packages";
                    let result = parse(&request);
                    assert!(
                        result.is_ok() || shell,
                        "{} {}: {result:?}",
                        action.name,
                        field.name
                    );
                }
                for value in bad {
                    let mut request = least.clone();
                    request[field.name] = value.clone();
                    let shown: String = value.to_string().chars().take(80).collect();
                    assert!(
                        parse(&request).is_err(),
                        "{} {}: {shown}",
                        action.name,
                        field.name
                    );
                }
                let mut request = least.clone();
                request.as_object_mut().unwrap().remove(field.name);
                let needed = field.required || (field.name == "op_id" && action.needs_op_id);
                assert_eq!(
                    parse(&request).is_err(),
                    needed,
                    "{} {}",
                    action.name,
                    field.name
                );
            }
        }
    }

    #[test]
    fn answers_are_as_declared() {
        let mut seen = Vec::new();
        for answer in answers() {
            let value: Value = serde_json::from_slice(&answer.to_line(None)).unwrap();
            let name = value["type"].as_str().unwrap();
            let reply = REPLIES.iter().find(|reply| reply.name == name).unwrap();
            for field in reply.fields {
                assert!(
                    !field.required || value.get(field.name).is_some(),
                    "{name} {}",
                    field.name
                );
            }
            for key in value
                .as_object()
                .unwrap()
                .keys()
                .filter(|key| *key != "type")
            {
                assert!(
                    reply.fields.iter().any(|field| field.name == key),
                    "{name} {key}"
                );
            }
            seen.push(name.to_owned());
        }
        // No answer is declared that there is not, and none exists without an example: a new variant fails to compile.
        assert!(REPLIES
            .iter()
            .all(|reply| seen.iter().any(|name| name == reply.name)));
        for action in ACTIONS {
            let (many, last) = action.answers;
            assert!(many
                .iter()
                .chain(&last)
                .all(|name| seen.iter().any(|other| other == name)));
        }
    }
}
