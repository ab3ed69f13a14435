//! Adds name and city of the airport to a flight: a join of the stream with the table `airports`, by key.
//!
//! It sees the table as it is when the flight comes; an update of the table alone makes no output.

use cofferdam_guest::{Access, Context, Description, Failure, Json, KeyValueReader, NoConfig, Processor, Record, Setup, Verbatim, export};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Flight {
    date: String,
    /// Minutes; early ones are negative.
    delay: i64,
    destination: String,
}

#[derive(Serialize, Deserialize)]
struct Airport {
    name: String,
    city: String,
}

#[derive(Serialize)]
struct NamedFlight<'a> {
    airport: &'a str,
    #[serde(flatten)]
    place: Airport,
    #[serde(flatten)]
    flight: &'a Flight,
}

struct WithAirport {
    airports: KeyValueReader<String, Json<Airport>>,
}

impl Processor for WithAirport {
    type Config = NoConfig;
    type Input = Record<String, Verbatim<Json<Flight>>>;

    fn describe() -> Description {
        Description::new("Adds name and city of the airport, which is the key, to a flight.")
            .port("unmatched", "flights whose airport is not in the table, as they came")
            .store("airports", Access::Read, "the table of airports, by code")
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { airports: setup.read_key_value("airports")? })
    }

    fn process(&mut self, flight: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        let Some(Json(place)) = self.airports.get(&flight.key)? else {
            return ctx.forward_to("unmatched", flight);
        };
        let named = Json(NamedFlight { airport: &flight.key, place, flight: &flight.value });
        ctx.forward((&flight.key, named))
    }
}

export!(WithAirport);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    const FLIGHT: &str = r#"{"date":"2001/01/14 21:55","delay":7,"distance":480,"origin":"SAN","destination":"SMF"}"#;

    fn with_airports() -> TestContext<WithAirport> {
        let mut test = TestContext::<WithAirport>::new().unwrap();
        let airports = test.store::<String, String>("airports");
        airports.put("SAN", &r#"{"iata":"SAN","name":"San Diego International","city":"San Diego","state":"CA"}"#.into()).unwrap();
        airports.put("BAD", &r#"{"iata":"BAD","name":"No City"}"#.into()).unwrap();
        test
    }

    #[test]
    fn a_flight_gets_name_and_city() {
        let mut test = with_airports();
        test.process(Record::new("SAN", FLIGHT, 5)).unwrap();
        let outputs = test.outputs::<String, Json<serde_json::Value>>().unwrap();
        assert_eq!((outputs[0].key.as_str(), outputs[0].timestamp), ("SAN", 5));
        let expected = serde_json::json!({
            "airport": "SAN", "name": "San Diego International", "city": "San Diego",
            "date": "2001/01/14 21:55", "delay": 7, "destination": "SMF",
        });
        assert_eq!(outputs[0].value.0, expected);
    }

    #[test]
    fn a_flight_from_an_unknown_airport_goes_to_the_port_as_it_came() {
        let mut test = with_airports();
        test.process(("XXX", FLIGHT)).unwrap();
        assert!(test.outputs::<String, String>().unwrap().is_empty());
        assert_eq!(test.outputs_of::<String, String>("unmatched").unwrap(), [Record::new("XXX".into(), FLIGHT.into(), 0)]);
    }

    #[test]
    fn a_broken_row_of_the_table_is_the_records_failure() {
        let failure = with_airports().process(("BAD", FLIGHT)).unwrap_err();
        assert!(failure.to_string().starts_with("bad record: store `airports`: value: missing field `city`"), "{failure}");
    }

    #[test]
    fn a_flight_without_a_key_is_a_bad_record() {
        assert_eq!(with_airports().process(((), FLIGHT)), Err(Failure::bad_record("key is null")));
    }
}
