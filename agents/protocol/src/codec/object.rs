//! Objects in messages.

use std::fmt::Write as _;
use std::marker::PhantomData;

use serde_json::{json, Value};

use super::{not_elements, Codec, Examples, Read, Write};
use crate::error::Error;
use crate::message::{Field, Fields, ReadFields, Structure, WriteFields};

/// An object of a request.
pub struct Object<T>(PhantomData<T>);

/// Objects of a response.
pub struct List<T>(PhantomData<T>);

fn object_summary(fields: &[Field]) -> String {
    let mut text = String::new();
    for field in fields {
        let separator = if text.is_empty() { "{" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}{}: {}", field.label(), field.summary);
    }
    text + "}"
}

fn object_examples(fields: Vec<Field>) -> Examples {
    let least: serde_json::Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), field.examples.good[0].clone()))
        .collect();
    let mut bad = vec![json!(true), json!("x"), json!([1])];
    for field in &fields {
        let mut without = least.clone();
        without.remove(field.name);
        bad.push(Value::Object(without));
        for value in &field.examples.bad {
            let mut object = least.clone();
            object.insert(field.name.to_owned(), value.clone());
            bad.push(Value::Object(object));
        }
    }
    Examples {
        good: vec![Value::Object(least)],
        bad,
    }
}

impl<T: Structure> Codec for Object<T> {
    type Value = T;

    fn schema() -> Value {
        crate::schema::object(&T::fields(), true)
    }

    fn summary() -> String {
        object_summary(&T::fields())
    }

    fn examples() -> Examples {
        object_examples(T::fields())
    }
}

impl<T: ReadFields> Read for Object<T> {
    fn read(raw: &str) -> Result<T, Error> {
        let fields = Fields::collect(raw.as_bytes(), &[T::NAMES])
            .map_err(|failure| not_elements(failure, "an object", raw))?;
        T::read_fields(&fields)
    }
}

impl<T: Structure> Codec for List<T> {
    type Value = Vec<T>;

    fn schema() -> Value {
        json!({"type": "array", "items": crate::schema::object(&T::fields(), false)})
    }

    fn summary() -> String {
        format!("list of {}", object_summary(&T::fields()))
    }

    fn examples() -> Examples {
        let Examples { good, bad } = object_examples(T::fields());
        let mut bad: Vec<Value> = bad.into_iter().map(|value| json!([value])).collect();
        bad.push(json!({}));
        Examples {
            good: vec![json!([]), Value::from(good)],
            bad,
        }
    }
}

impl<T: WriteFields> Write for List<T> {
    fn write(value: &Vec<T>, line: &mut Vec<u8>) {
        line.push(b'[');
        for (index, item) in value.iter().enumerate() {
            line.extend_from_slice(if index > 0 { b",{" } else { b"{" });
            item.write_fields(line);
            line.push(b'}');
        }
        line.push(b']');
    }

    fn sample(full: bool) -> Vec<T> {
        let count = if full { 2 } else { 0 };
        (0..count).map(|_| T::sample(full)).collect()
    }
}
