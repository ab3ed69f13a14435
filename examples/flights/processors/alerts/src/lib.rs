//! Passes on the flights that are delayed by more than a configured number of minutes, as they came.

use cofferdam_guest::{Bytes, Context, Description, Failure, Json, Processor, Record, Setup, Verbatim, export};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// Minutes.
    delayed_beyond: i64,
}

#[derive(Deserialize)]
struct Flight {
    /// Minutes; early ones are negative.
    delay: i64,
}

struct Alerts {
    delayed_beyond: i64,
}

impl Processor for Alerts {
    type Config = Config;
    type Input = Record<Option<Bytes>, Verbatim<Json<Flight>>>;

    fn describe() -> Description {
        Description::new("Passes on flights that are delayed beyond a threshold.").config_schema(serde_json::json!({
            "type": "object",
            "properties": {
                "delayed-beyond": {"type": "integer", "description": "Minutes; a flight with exactly as many is not passed on."},
            },
            "required": ["delayed-beyond"],
            "additionalProperties": false,
        }))
    }

    fn init(config: Config, _: &mut Setup) -> Result<Self, String> {
        Ok(Self { delayed_beyond: config.delayed_beyond })
    }

    fn process(&mut self, flight: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        if flight.value.delay > self.delayed_beyond {
            ctx.forward(flight)?;
        }
        Ok(())
    }
}

export!(Alerts);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    #[test]
    fn only_flights_beyond_the_threshold_pass_and_unchanged() {
        let mut test = TestContext::<Alerts>::with_config(serde_json::json!({"delayed-beyond": 180})).unwrap();
        for delay in [-3, 180, 181] {
            test.process(Record::new("SAN", format!(r#"{{ "delay": {delay} }}"#), 4)).unwrap();
        }
        assert_eq!(test.outputs::<String, String>().unwrap(), [Record::new("SAN".into(), r#"{ "delay": 181 }"#.into(), 4)]);
    }

    #[test]
    fn the_threshold_must_be_given() {
        let error = TestContext::<Alerts>::new().err().unwrap();
        assert!(error.contains("missing field `delayed-beyond`"), "{error}");
    }
}
