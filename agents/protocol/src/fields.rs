//! Typed access to the fields of a JSON object, with errors that name the field.

use serde_json::{Map, Value};

use crate::base64;
use crate::error::Error;

/// Fields of a request.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn new(object: Map<String, Value>) -> Self {
        Self(object)
    }

    /// Takes a field; `null` counts as absent, as hosts in some languages send it for that.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Returns a field that is there.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Takes a string that may be absent.
    pub(crate) fn optional_string(&mut self, name: &str) -> Result<Option<String>, Error> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(name, "a string", &other)),
        }
    }

    /// Takes a string.
    pub(crate) fn string(&mut self, name: &str) -> Result<String, Error> {
        self.optional_string(name)?
            .ok_or_else(|| Error::field(name, "is missing"))
    }

    /// Takes a whole number that may be absent.
    pub(crate) fn optional_number(&mut self, name: &str) -> Result<Option<u64>, Error> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(name, "a whole number of at least 0", &value)),
            },
        }
    }

    /// Takes a whole number.
    pub(crate) fn number(&mut self, name: &str) -> Result<u64, Error> {
        self.optional_number(name)?
            .ok_or_else(|| Error::field(name, "is missing"))
    }

    /// Takes a truth value; absent is false.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Error> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(value),
            Some(other) => Err(wrong(name, "a boolean", &other)),
        }
    }

    /// Takes an object that may be absent.
    pub(crate) fn optional_object(&mut self, name: &str) -> Result<Option<Fields>, Error> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(Fields(object))),
            Some(other) => Err(wrong(name, "an object", &other)),
        }
    }

    /// Takes a list of strings.
    pub(crate) fn strings(&mut self, name: &str) -> Result<Vec<String>, Error> {
        match self.take(name) {
            None => Err(Error::field(name, "is missing")),
            Some(Value::Array(values)) => values
                .into_iter()
                .map(|value| match value {
                    Value::String(text) => Ok(text),
                    other => Err(wrong(name, "a list of strings", &other)),
                })
                .collect(),
            Some(other) => Err(wrong(name, "a list of strings", &other)),
        }
    }

    /// Takes bytes, which are base64 on the wire.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Error> {
        base64::decode(self.string(name)?.as_bytes())
            .ok_or_else(|| Error::field(name, "is not base64"))
    }

    /// Takes an object whose values are strings, in the order of its names.
    pub(crate) fn strings_by_name(&mut self, name: &str) -> Result<Vec<(String, String)>, Error> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(object)) => object
                .into_iter()
                .map(|(key, value)| match value {
                    Value::String(text) => Ok((key, text)),
                    other => Err(wrong(name, "an object of strings", &other)),
                })
                .collect(),
            Some(other) => Err(wrong(name, "an object of strings", &other)),
        }
    }
}

/// Makes the error of a field with a value of another type.
pub(crate) fn wrong(name: &str, expected: &str, value: &Value) -> Error {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Error::field(name, format_args!("is not {expected}, but {found}"))
}
