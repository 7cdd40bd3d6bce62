//! The wire as a JSON Schema, for hosts in any language.

use serde_json::{json, Map, Value};

use crate::message::{Field, Message};
use crate::types::{ErrorType, Word};
use crate::{limits, request, response};

/// Returns the schema. Every line on either port is valid under `$defs/request` or `$defs/response`.
///
/// The schema is as strict as JSON Schema can be: it limits characters where the wire limits bytes (a text never has fewer
/// bytes than characters), and it leaves the syntax of package specifications to the agent.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let mut add = |kind: &str, messages: &[Message], define: &dyn Fn(&Message) -> Value| {
        let name = |message: &Message| format!("{kind}_{}", message.name);
        let all: Vec<Value> = messages
            .iter()
            .map(|message| reference(&name(message)))
            .collect();
        definitions.insert(kind.to_owned(), json!({"oneOf": all}));
        definitions.extend(
            messages
                .iter()
                .map(|message| (name(message), define(message))),
        );
    };
    add("request", &request::all(), &request_schema);
    add("response", &response::all(), &|message| {
        let mut schema = message_schema(message, "type", false);
        schema["properties"]["op_id"] = property(&request::op_id(), false);
        schema
    });
    let limits = limits::all();
    let limits = limits
        .iter()
        .map(|limit| (limit.name.to_owned(), Value::from(limit.value)));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Generated: ./bazelw run //agents/protocol:document -- schema",
        "title": "The wire between host and guest agent",
        "description": "One JSON object per line. All responses to a request repeat its op_id. An error may replace the last response.",
        "oneOf": [reference("request"), reference("response")],
        "$defs": definitions,
        "x-protocol": crate::PROTOCOL,
        "x-error-types": ErrorType::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "x-limits": limits.collect::<Map<_, _>>(),
    })
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn request_schema(message: &Message) -> Value {
    let mut schema = message_schema(message, "action", true);
    if message.fields.iter().all(|field| field.name != "op_id") {
        schema["properties"]["op_id"] = property(&request::op_id(), true);
    }
    schema["x-responses"] = json!({"any_number": message.many, "last": message.last});
    schema
}

/// Returns the schema of a message whose name is the value of the field `kind`.
fn message_schema(message: &Message, kind: &str, nullable: bool) -> Value {
    let mut schema = object(&message.fields, nullable);
    schema["description"] = json!(message.what);
    schema["properties"][kind] = json!({"const": message.name});
    let required = schema["required"].as_array().into_iter().flatten().cloned();
    schema["required"] = [json!(kind)].into_iter().chain(required).collect();
    schema
}

/// Returns the schema of an object. With `nullable`, optional fields may be `null`.
pub(crate) fn object(fields: &[Field], nullable: bool) -> Value {
    let properties = fields.iter().map(|field| {
        (
            field.name.to_owned(),
            property(field, nullable && !field.required),
        )
    });
    let required = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name);
    json!({
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "required": required.collect::<Vec<_>>(),
    })
}

fn property(field: &Field, nullable: bool) -> Value {
    let mut schema = field.schema.clone();
    if nullable {
        schema = json!({"anyOf": [schema, {"type": "null"}]});
    }
    schema["description"] = json!(field.what);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_matches_generated_file() {
        let found: Value = serde_json::from_str(include_str!("../protocol.schema.json")).unwrap();
        assert!(
            found == schema(),
            "run: ./bazelw run //agents/protocol:document -- schema > agents/protocol/protocol.schema.json"
        );
    }
}
