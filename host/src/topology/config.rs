//! The `config` of processors against the schema that their components give.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::draft::{Draft, What};
use super::graph::Description;
use crate::error::{Diagnostic, Place, suggest};
use crate::manifest::{Config, Name};

impl Draft<'_> {
    /// Checks every config whose component describes itself.
    pub fn check_configs(&mut self) {
        let mut errors = Vec::new();
        for node in &self.nodes {
            if let (What::Processor(processor), Some(description)) = (node.what, node.description) {
                errors.append(&mut check_config(node.name, &processor.config, description));
            }
        }
        self.errors.append(&mut errors);
    }
}

/// What does not fit the component's schema, or that there is a config where the component takes none.
pub fn check_config(node: &Name, config: &Config, description: &Description) -> Vec<Diagnostic> {
    let Some(text) = &description.config_schema else {
        let given = config.places.get("");
        let is_empty = config.value.as_object().is_some_and(serde_json::Map::is_empty);
        return match given {
            Some(place) if !is_empty => {
                let error = Diagnostic::usage("T014", format!("the component of '{node}' takes no config"));
                vec![error.hint("remove 'config'").at(Some(place.clone()))]
            }
            _ => Vec::new(),
        };
    };
    let bad_schema = |cause: String| {
        let error = Diagnostic::usage("T020", format!("the component of '{node}' describes itself wrongly"));
        vec![error.because(format!("its config schema is no JSON Schema: {cause}")).at(Some(node.place.clone()))]
    };
    let schema: Value = match serde_json::from_str(text) {
        Ok(schema) => schema,
        Err(why) => return bad_schema(why.to_string()),
    };
    match jsonschema::validator_for(&schema) {
        Ok(validator) => validator.iter_errors(&config.value).map(|e| explain(node, config, &schema, &e)).collect(),
        Err(why) => bad_schema(why.to_string()),
    }
}

fn explain(node: &Name, config: &Config, schema: &Value, error: &ValidationError<'_>) -> Diagnostic {
    let path = error.instance_path().to_string();
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind()
        && let [key, ..] = &unexpected[..]
    {
        let place = place(config, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), node);
        let message = format!("the config of '{node}' has the unknown key '{key}'{}", at(&path));
        return Diagnostic::usage("T014", message).hint(known_keys(key, schema, &path)).at(Some(place));
    }
    let diagnostic = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let message = format!("the config of '{node}' has no '{key}'{}", at(&path));
            Diagnostic::usage("T014", message).hint(format!("add {key} = ... to 'config'"))
        }
        _ => Diagnostic::usage("T014", format!("the config of '{node}' does not fit{}", at(&path))).because(error),
    };
    diagnostic.at(Some(place(config, &path, node)))
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" at {path}") }
}

/// The nearest thing that has a place: the value itself, else what is around it.
fn place(config: &Config, path: &str, node: &Name) -> Place {
    let mut path = path;
    loop {
        if let Some(place) = config.places.get(path) {
            return place.clone();
        }
        match path.rfind('/') {
            Some(cut) => path = path.get(..cut).unwrap_or_default(),
            None => return node.place.clone(),
        }
    }
}

/// The keys that the schema knows there. Only plain `properties` are followed; where the schema is more intricate there is no suggestion.
fn known_keys(key: &str, schema: &Value, path: &str) -> String {
    let mut here = Some(schema);
    for part in path.split('/').skip(1) {
        here = here.and_then(|schema| schema.get("properties")?.get(part));
    }
    match here.and_then(|schema| schema.get("properties")?.as_object()) {
        Some(properties) => suggest(key, "keys here", properties.keys().map(String::as_str)),
        None => "remove it".to_owned(),
    }
}
