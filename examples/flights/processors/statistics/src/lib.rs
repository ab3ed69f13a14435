//! Running statistics for each airport: one update a flight, with the airport as key.
//!
//! Sums are kept as integers, so mean and share do not depend on the order of the flights.

use cofferdam_guest::{Access, Context, Description, Failure, Json, KeyValue, Processor, Record, Setup, export};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// A flight with more minutes of delay than this is late.
    #[serde(default = "a_quarter_of_an_hour")]
    late_after: i64,
}

fn a_quarter_of_an_hour() -> i64 {
    15
}

/// A flight with the name of its airport.
#[derive(Deserialize)]
struct NamedFlight {
    name: String,
    city: String,
    /// Minutes; early ones are negative.
    delay: i64,
}

/// What is kept of an airport.
#[derive(Serialize, Deserialize)]
struct Sums {
    flights: u64,
    late: u64,
    /// Minutes.
    delay_sum: i64,
    /// Minutes.
    max_delay: i64,
}

/// What comes out.
#[derive(Serialize)]
struct Stats<'a> {
    airport: &'a str,
    name: &'a str,
    city: &'a str,
    flights: u64,
    mean_delay: f64,
    max_delay: i64,
    late_share: f64,
}

struct Statistics {
    late_after: i64,
    sums: KeyValue<String, Json<Sums>>,
}

impl Processor for Statistics {
    type Config = Config;
    type Input = Record<String, Json<NamedFlight>>;

    fn describe() -> Description {
        Description::new("Counts the flights of each airport (the key): mean and greatest delay, and the share of late ones.").store(
            "statistics",
            Access::ReadWrite,
            "flights, late ones, sum and maximum of the delays, by airport",
        )
    }

    fn init(config: Config, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { late_after: config.late_after, sums: setup.key_value("statistics")? })
    }

    fn process(&mut self, flight: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        let NamedFlight { name, city, delay } = &*flight.value;
        let mut sums = match self.sums.get(&flight.key)? {
            Some(Json(sums)) => sums,
            None => Sums { flights: 0, late: 0, delay_sum: 0, max_delay: *delay },
        };
        sums.flights += 1;
        sums.late += u64::from(*delay > self.late_after);
        sums.delay_sum = sums.delay_sum.checked_add(*delay).ok_or_else(|| Failure::bad_record("field `delay`: the sum is too large"))?;
        sums.max_delay = sums.max_delay.max(*delay);
        let sums = Json(sums);
        self.sums.put(&flight.key, &sums)?;
        let stats = Json(Stats {
            airport: &flight.key,
            name,
            city,
            flights: sums.flights,
            mean_delay: sums.delay_sum as f64 / sums.flights as f64,
            max_delay: sums.max_delay,
            late_share: sums.late as f64 / sums.flights as f64,
        });
        ctx.forward((&flight.key, stats))
    }
}

export!(Statistics);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;
    use serde_json::{Value, json};

    fn stats(config: Value, delays: &[i64]) -> Vec<Value> {
        let mut test = TestContext::<Statistics>::with_config(config).unwrap();
        for delay in delays {
            let flight = json!({"airport": "SAN", "name": "San Diego International", "city": "San Diego", "delay": delay});
            test.process(("SAN", Json(flight))).unwrap();
        }
        test.outputs::<String, Json<Value>>().unwrap().into_iter().map(|record| record.value.0).collect()
    }

    #[test]
    fn every_flight_updates_its_airport() {
        let all = stats(json!({}), &[-5, 16, 15]);
        assert_eq!(all.len(), 3);
        let expected = json!({
            "airport": "SAN", "name": "San Diego International", "city": "San Diego",
            "flights": 3, "mean_delay": 26.0 / 3.0, "max_delay": 16, "late_share": 1.0 / 3.0,
        });
        assert_eq!(all[2], expected);
        assert_eq!((&all[0]["max_delay"], &all[0]["mean_delay"]), (&json!(-5), &json!(-5.0)));
    }

    #[test]
    fn late_is_as_configured() {
        assert_eq!(stats(json!({"late-after": 60}), &[60, 61])[1]["late_share"], json!(0.5));
    }

    #[test]
    fn a_flight_without_a_delay_is_a_bad_record() {
        let mut test = TestContext::<Statistics>::new().unwrap();
        let failure = test.process(("SAN", r#"{"name":"x","city":"y"}"#)).unwrap_err();
        assert!(failure.to_string().starts_with("bad record: value: missing field `delay`"), "{failure}");
    }
}
