//! Properties of librdkafka that a user sets: in the manifest, or in a file beside it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::broker::kafka::{FIXED_PROPERTIES, PropertyError};
use crate::error::{Diagnostic, Place};
use crate::manifest::KafkaBroker as Section;

/// One of them, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub key: String,
    pub value: String,
    place: Place,
}

/// Those of `[broker.client]`.
pub(super) fn of_manifest(section: &Section) -> Result<Vec<Property>, Diagnostic> {
    let all = section.client.iter();
    all.map(|(key, text)| property(&key.value, text, key.place.clone())).collect()
}

/// Those of a file as Kafka's own tools and kcat take it: `key=value` a line; lines that begin with `#` are left out.
pub(super) fn of_file(path: &Path) -> Result<Vec<Property>, Diagnostic> {
    let text = fs::read_to_string(path)
        .map_err(|e| Diagnostic::usage("M005", format!("the properties in {} cannot be read", path.display())).because(e))?;
    let file: Arc<str> = path.display().to_string().into();
    let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            let place = Place { file: file.clone(), line: number, column: 1 };
            let Some((key, value)) = line.split_once('=') else {
                return Err(Diagnostic::usage("M005", "a line of properties without '='")
                    .hint("a line is key=value, empty, or begins with '#'")
                    .at(Some(place)));
            };
            property(key.trim_end(), value.trim_start(), place)
        })
        .collect()
}

fn property(key: &str, text: &str, place: Place) -> Result<Property, Diagnostic> {
    match expand(text) {
        Ok(value) => Ok(Property { key: key.to_owned(), value, place }),
        Err(name) => Err(Diagnostic::usage("M005", format!("the property '{key}' names the variable {name}, which is not set"))
            .hint("${NAME} stands for a variable of the environment in which the command runs")
            .at(Some(place))),
    }
}

/// What to tell the user about a property that cannot be used.
pub(super) fn refused(section: &Section, all: &[Property], error: &PropertyError) -> Diagnostic {
    // The last one counts where a key comes twice.
    let place = all.iter().rfind(|property| property.key == error.key).map_or(&section.place, |property| &property.place).clone();
    let what = match error.key.is_empty() {
        true => "these properties cannot be used together".to_owned(),
        false => format!("the property '{}'", error.key),
    };
    let hint = match FIXED_PROPERTIES.iter().any(|(key, _)| *key == error.key) {
        true => "leave it out",
        false => "these are properties of librdkafka: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md",
    };
    Diagnostic::usage("M005", format!("{what}: {}", error.why)).hint(hint).at(Some(place))
}

/// A text with every `${NAME}` replaced by that variable; `Err` has the name of one that is not set.
fn expand(text: &str) -> Result<String, String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else { break };
        whole.push_str(before);
        whole.push_str(&std::env::var(name).map_err(|_| name.to_owned())?);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Vec<(String, String)>, Diagnostic> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.properties");
        fs::write(&path, text).unwrap();
        Ok(of_file(&path)?.into_iter().map(|property| (property.key, property.value)).collect())
    }

    #[test]
    fn a_file_has_a_property_a_line() {
        let text = "# of the cluster\nsecurity.protocol=ssl\n\n  sasl.password = a=b \n";
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(file(text).unwrap(), [pair("security.protocol", "ssl"), pair("sasl.password", "a=b")]);
    }

    #[test]
    fn a_line_that_is_no_property_is_named() {
        let refused = file("security.protocol=ssl\nsasl\n").unwrap_err();
        assert_eq!(refused.message, "a line of properties without '='");
        assert_eq!(refused.place.unwrap().line, 2);
        let refused = of_file(Path::new("/nowhere/at.all")).unwrap_err();
        assert_eq!(refused.message, "the properties in /nowhere/at.all cannot be read");
    }

    #[test]
    fn variables_are_put_into_properties_and_a_missing_one_is_named() {
        assert_eq!(expand("a ${PATH").unwrap(), "a ${PATH");
        let path = std::env::var("PATH").unwrap();
        assert_eq!(expand("<${PATH}>${PATH}").unwrap(), format!("<{path}>{path}"));
        assert_eq!(expand("${COFFERDAM_NO_SUCH_VARIABLE}"), Err("COFFERDAM_NO_SUCH_VARIABLE".to_owned()));
        assert_eq!(
            file("sasl.password=${COFFERDAM_NO_SUCH_VARIABLE}").unwrap_err().message,
            "the property 'sasl.password' names the variable COFFERDAM_NO_SUCH_VARIABLE, which is not set"
        );
    }
}
