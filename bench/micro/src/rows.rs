//! Rows in front of a backend: those that are found there, those that are not, and what becomes of writes.

use std::hint::black_box;

use bytes::Bytes;
use cofferdam::disk::Budget;
use cofferdam::store::bench::FrontedRows;

use crate::Case;
use crate::data::{key, row};
use crate::stores::{ROWS, cramped, roomy};

struct Rows {
    fronted: FrontedRows,
    /// In an order that is not that of the keys.
    writes: Vec<(Bytes, Bytes)>,
}

impl Rows {
    fn empty(budget: &Budget) -> Self {
        // 7 and 1,000 have no divisor in common.
        let writes = (0..ROWS).map(|number| number * 7 % ROWS).map(|number| (key(number), row(number).value)).collect();
        Self { fronted: FrontedRows::new(budget), writes }
    }

    /// The backend has all of them.
    fn handed_over(budget: &Budget) -> Self {
        let mut rows = Self::empty(budget);
        rows.commit();
        rows.hand_over();
        rows
    }

    fn commit(&mut self) {
        for (key, value) in &self.writes {
            self.fronted.put(key, value).expect("a row is put");
        }
        self.fronted.end_commit().expect("the commit ends");
    }

    fn hand_over(&mut self) {
        self.fronted.hand_over().expect("the backend takes them");
    }

    fn get_all(&mut self) {
        for (key, _) in &self.writes {
            assert!(black_box(self.fronted.get(key)).is_ok_and(|row| row.is_some()));
        }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, mut rows: Rows, work: fn(&mut Rows)| Case::new(name, ROWS, move || work(&mut rows));
    vec![
        case("rows in front/get", Rows::handed_over(&roomy()), Rows::get_all),
        case("rows in front/get what is not there", Rows::handed_over(&cramped()), Rows::get_all),
        case("rows in front/put known ones", Rows::handed_over(&roomy()), Rows::commit),
        case("rows in front/put new ones, and forget them", Rows::empty(&roomy()), |rows| {
            rows.commit();
            rows.fronted.clear().expect("the rows go");
        }),
        case("rows in front/put known ones, and hand them over", Rows::handed_over(&roomy()), |rows| {
            rows.commit();
            rows.hand_over();
        }),
    ]
}
