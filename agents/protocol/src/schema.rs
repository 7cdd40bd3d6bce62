//! The wire as a JSON Schema, for hosts in any language.

use serde_json::{json, Map, Value};

use crate::declaration::{Action, Field, Kind, Reply, ACTIONS, OP_ID, REPLIES};
use crate::error::ErrorType;
use crate::{environment, limits};

/// Base64 with padding. Here as elsewhere what stands behind the end is for engines whose `$` is before a last newline too.
const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$(?!\\n)";

/// Returns the schema. A line of either port is valid under `$defs/request` or `$defs/answer`.
///
/// It says no more than JSON Schema can: lengths that the wire counts in bytes are limited as characters there, of which
/// there are no more, and what packages may be called is left to the agent.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let add = |kind: &str, names: Vec<&str>| {
        let all = names
            .iter()
            .map(|name| reference(&format!("{kind}_{name}")));
        json!({"oneOf": all.collect::<Vec<_>>()})
    };
    let request = add(
        "request",
        ACTIONS.iter().map(|action| action.name).collect(),
    );
    let answer = add("answer", REPLIES.iter().map(|reply| reply.name).collect());
    definitions.insert("request".to_owned(), request);
    definitions.insert("answer".to_owned(), answer);
    for action in ACTIONS {
        definitions.insert(format!("request_{}", action.name), request_schema(action));
    }
    for reply in REPLIES {
        definitions.insert(format!("answer_{}", reply.name), reply_schema(reply));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made of agents/protocol/src/declaration.rs: ./bazelw run //agents/protocol:document -- schema",
        "title": "The wire between host and guest agent",
        "description": "One JSON object per line. A request's answers repeat its op_id; any answer may be an error instead.",
        "oneOf": [reference("request"), reference("answer")],
        "$defs": definitions,
        "x-protocol": crate::PROTOCOL,
        "x-error-types": ErrorType::NAMES,
        "x-limits": limits::ALL.iter().map(|limit| (limit.name.to_owned(), Value::from(limit.value))).collect::<Map<_, _>>(),
    })
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn request_schema(action: &Action) -> Value {
    let (many, last) = action.answers;
    let mut schema = object(action.fields, true);
    schema["description"] = json!(action.what);
    schema["properties"]["action"] = json!({"const": action.name});
    schema["properties"]["op_id"] = optional(&OP_ID, !action.needs_op_id);
    let mut required = vec![json!("action")];
    required.extend(action.needs_op_id.then(|| json!("op_id")));
    required.extend(schema["required"].as_array().into_iter().flatten().cloned());
    schema["required"] = Value::from(required);
    schema["x-answers"] = json!({"any_number": many, "last": last});
    if action.name == "exec" {
        schema["if"] = json!({"properties": {"language": {"const": "javascript"}}});
        let none = json!({"stdin": {"enum": [false, null]}, "pty": {"type": "null"}});
        schema["then"] = json!({"properties": none});
    }
    schema
}

fn reply_schema(reply: &Reply) -> Value {
    let mut schema = object(reply.fields, false);
    schema["description"] = json!(reply.what);
    schema["properties"]["type"] = json!({"const": reply.name});
    schema["properties"]["op_id"] = optional(&OP_ID, false);
    let mut required = vec![json!("type")];
    required.extend(schema["required"].as_array().into_iter().flatten().cloned());
    schema["required"] = Value::from(required);
    schema
}

/// Makes the schema of an object. In requests `null` is as good as absent.
fn object(fields: &[Field], nullable: bool) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let schema = optional(field, nullable && !field.required);
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn optional(field: &Field, nullable: bool) -> Value {
    let mut schema = value(&field.kind);
    if nullable {
        schema = json!({"anyOf": [schema, {"type": "null"}]});
    }
    schema["description"] = json!(field.what);
    schema
}

fn value(kind: &Kind) -> Value {
    match kind {
        Kind::Text { least, most } => json!({
            "type": "string",
            "minLength": least.div_ceil(4),
            "maxLength": most,
            "x-bytes": [least, most],
        }),
        Kind::Word(words) => json!({"enum": words}),
        Kind::Number { least, most } => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Kind::Integer => json!({"type": "integer"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Bytes { least, most } => json!({
            "type": "string",
            "contentEncoding": "base64",
            "pattern": BASE64,
            "minLength": least.div_ceil(3) * 4,
            "maxLength": most.div_ceil(3) * 4,
        }),
        Kind::Path { home } => {
            let upwards = r"(?![^\u0000]*(?:^|/)\.\.(?:/|$(?!\n)))";
            let names = format!("(?![^/]{{{}}})", limits::NAME + 1);
            let nothing = if *home {
                ""
            } else {
                r"(?!(?:\.?/)*\.?$(?!\n))"
            };
            json!({
                "type": "string",
                "maxLength": limits::PATH,
                "pattern": format!(r"^(?!/){upwards}{nothing}(?:{names}[^/\u0000]*(?:/|$(?!\n)))*$(?!\n)"),
            })
        }
        Kind::Variables => {
            let controls = r"\u0000-\u0008\u000a-\u001f\u007f-\u009f";
            let blocked = environment::BLOCKED
                .iter()
                .map(|name| format!(r"{name}$(?!\n)"));
            let prefixes = environment::BLOCKED_PREFIXES
                .iter()
                .copied()
                .map(str::to_owned);
            let refused: Vec<String> = blocked.chain(prefixes).collect();
            let refused = refused.join("|");
            json!({
                "type": "object",
                "maxProperties": limits::VARIABLES,
                "propertyNames": {
                    "maxLength": limits::VARIABLE_NAME,
                    "pattern": format!(r"^(?!{refused})[^={controls}]+$(?!\n)"),
                },
                "additionalProperties": {
                    "type": "string",
                    "maxLength": limits::VARIABLE_VALUE,
                    "pattern": format!(r"^[^{controls}]*$(?!\n)"),
                },
            })
        }
        Kind::Packages => json!({
            "type": "array",
            "minItems": 1,
            "maxItems": limits::PACKAGES,
            "items": {"type": "string"},
        }),
        Kind::Object(fields) => object(fields, true),
        Kind::List(fields) => json!({"type": "array", "items": object(fields, false)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_up_to_date() {
        let found: Value = serde_json::from_str(include_str!("../protocol.schema.json")).unwrap();
        assert!(
            found == schema(),
            "run: ./bazelw run //agents/protocol:document -- schema > agents/protocol/protocol.schema.json"
        );
    }
}
