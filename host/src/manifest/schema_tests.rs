//! The published schema says what the parser says.

use serde_json::Value;

use super::{Manifest, SCHEMA, keys};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn to_json(text: &str) -> Value {
    toml_edit::de::from_str(text).unwrap()
}

#[test]
fn every_key_that_the_parser_knows_stands_in_the_schema_and_no_other() {
    let schema = schema();
    for shape in keys::ALL {
        let properties = schema["$defs"][shape.schema]["properties"].as_object().unwrap_or_else(|| panic!("no {}", shape.schema));
        let mut in_schema: Vec<&str> = properties.keys().map(String::as_str).collect();
        let mut known = shape.keys.to_vec();
        in_schema.sort_unstable();
        known.sort_unstable();
        assert_eq!(in_schema, known, "{}", shape.schema);
        assert_eq!(schema["$defs"][shape.schema]["additionalProperties"], Value::Bool(false), "{}", shape.schema);
    }
}

#[test]
fn schema_accepts_what_the_parser_accepts() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for text in super::tests::ACCEPTED {
        Manifest::parse("app.toml", text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&to_json(text)).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn schema_refuses_unknown_keys_and_bad_values() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (text, _) in super::tests::refused() {
        let Ok(json) = toml_edit::de::from_str::<Value>(&text) else { continue };
        if super::tests::BEYOND_THE_SCHEMA.iter().any(|part| text.contains(part)) {
            continue;
        }
        assert!(!validator.is_valid(&json), "{text}");
    }
}
