//! Keys flights by the airport they leave from. The value goes on byte for byte.
//!
//! The first processor that sees a flight: what later ones need is checked here, so that a broken record is reported with its source.

use cofferdam_guest::{Context, Description, Failure, Json, NoConfig, Processor, Record, Setup, Verbatim, export};
use serde::Deserialize;

/// What later processors read of a flight.
#[derive(Deserialize)]
struct Flight {
    #[serde(rename = "date")]
    _date: String,
    /// Minutes; early ones are negative.
    #[serde(rename = "delay")]
    _delay: i64,
    origin: String,
    #[serde(rename = "destination")]
    _destination: String,
}

struct ByOrigin;

impl Processor for ByOrigin {
    type Config = NoConfig;
    type Input = Record<(), Verbatim<Json<Flight>>>;

    fn describe() -> Description {
        Description::new(
            "Keys flights by the airport they leave from. A flight without date, delay, origin or destination is a bad record.",
        )
    }

    fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, flight: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        if flight.value.origin.is_empty() {
            return Err(Failure::bad_record("value: field `origin` is empty"));
        }
        let origin = flight.value.origin.clone();
        ctx.forward(flight.with_key(origin))
    }
}

export!(ByOrigin);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    #[test]
    fn the_origin_becomes_the_key_and_the_value_stays_as_it_is() {
        let mut test = TestContext::<ByOrigin>::new().unwrap();
        let flight = r#"{ "date": "2001/01/14 21:55", "delay":0,"distance":480,"origin":"SAN","destination":"SMF" }"#;
        test.process(Record::new((), flight, 9)).unwrap();
        assert_eq!(test.outputs::<String, String>().unwrap(), [Record::new("SAN".into(), flight.into(), 9)]);
    }

    #[test]
    fn a_broken_flight_is_a_bad_record_that_names_the_field() {
        let mut test = TestContext::<ByOrigin>::new().unwrap();
        let cases = [
            (r#"{"date":"x","delay":1,"destination":"SMF"}"#, "value: missing field `origin`"),
            (r#"{"date":"x","delay":"1","origin":"SAN","destination":"SMF"}"#, "value: field `delay`: invalid type: string"),
            (r#"{"date":"x","delay":1,"origin":"","destination":"SMF"}"#, "value: field `origin` is empty"),
            ("SAN", "value: not JSON: expected value"),
        ];
        for (flight, expected) in cases {
            let Failure::BadRecord(reason) = test.process(((), flight)).unwrap_err() else { panic!("{flight}") };
            assert!(reason.starts_with(expected), "{flight}: {reason}");
        }
        assert_eq!(test.process(((), ())), Err(Failure::bad_record("value is null")));
    }
}
