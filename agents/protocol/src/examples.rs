//! Examples of all requests, at their limits and beyond. Tests compare parser and schema with these examples.

use serde_json::{json, Map, Value};

use crate::request;

/// Returns examples of every request: one with the required fields only; and for every field, examples with a valid value,
/// with an invalid value, with `null`, and without the field.
pub fn requests() -> Vec<Value> {
    let mut requests = Vec::new();
    for mut message in request::all() {
        if message.fields.iter().all(|field| field.name != "op_id") {
            message.fields.push(request::op_id());
        }
        let required = message.fields.iter().filter(|field| field.required);
        let mut least: Map<String, Value> = required
            .map(|field| (field.name.to_owned(), field.examples.good[0].clone()))
            .collect();
        least.insert("action".to_owned(), json!(message.name));
        requests.push(Value::Object(least.clone()));
        for field in message.fields {
            let mut without = least.clone();
            without.remove(field.name);
            requests.push(Value::Object(without));
            let values = field.examples.good.into_iter().chain(field.examples.bad);
            for value in values.chain([Value::Null]) {
                let mut request = least.clone();
                request.insert(field.name.to_owned(), value);
                requests.push(Value::Object(request));
            }
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_accepts_declared_values_only() {
        for message in request::all() {
            let mut least = json!({"action": message.name, "op_id": "a"});
            for field in message.fields.iter().filter(|field| field.required) {
                least[field.name] = field.examples.good[0].clone();
            }
            let is_accepted = |request: &Value| {
                request::parse(request.to_string().as_bytes())
                    .request
                    .is_ok()
            };
            for field in &message.fields {
                let (action, name) = (message.name, field.name);
                let with = |value: &Value| {
                    let mut request = least.clone();
                    request[name] = value.clone();
                    request
                };
                for value in &field.examples.good {
                    // The syntax of packages depends on the language.
                    let other =
                        action == "install_packages" && name == "language" && value != "python";
                    assert_eq!(is_accepted(&with(value)), !other, "{action} {name}");
                }
                for value in &field.examples.bad {
                    let shown: String = value.to_string().chars().take(80).collect();
                    assert!(!is_accepted(&with(value)), "{action} {name}: {shown}");
                }
                let mut request = least.clone();
                request.as_object_mut().unwrap().remove(name);
                assert_ne!(is_accepted(&request), field.required, "{action} {name}");
            }
        }
    }
}
