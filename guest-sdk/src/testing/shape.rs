//! What a store of a test keeps, and for how long: what the manifest says elsewhere.

use std::time::Duration;

use crate::Timestamp;
use crate::description::StoreKind;

/// What a store of a test keeps, and for how long. One of which nothing is said keeps everything, and its windows are one second long.
///
/// ```
/// # use cofferdam_guest::testing::{Pass, StoreShape, TestContext};
/// # use std::time::Duration;
/// let hourly = StoreShape::window(Duration::from_secs(3_600), Duration::from_secs(86_400));
/// let mut test = TestContext::<Pass>::with_stores(serde_json::json!({}), [("delays", hourly)])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreShape {
    kind: StoreKind,
    window_ms: Timestamp,
    keeps_for_ms: Timestamp,
    duplicates: bool,
}

impl StoreShape {
    pub(crate) fn endless(kind: StoreKind) -> Self {
        Self { kind, window_ms: 1_000, keeps_for_ms: Timestamp::MAX, duplicates: false }
    }

    /// A window store: `window` and `retention` of the manifest.
    ///
    /// ```
    /// # use cofferdam_guest::testing::StoreShape;
    /// # use std::time::Duration;
    /// let shape = StoreShape::window(Duration::from_secs(10), Duration::from_secs(60));
    /// ```
    pub fn window(window: Duration, retention: Duration) -> Self {
        Self { window_ms: ms(window), keeps_for_ms: ms(retention), ..Self::endless(StoreKind::Window) }
    }

    /// The same, with `duplicates = true`.
    ///
    /// ```
    /// # use cofferdam_guest::testing::StoreShape;
    /// # use std::time::Duration;
    /// let shape = StoreShape::window(Duration::from_secs(10), Duration::from_secs(60)).duplicates();
    /// ```
    pub fn duplicates(self) -> Self {
        Self { duplicates: true, ..self }
    }

    /// A session store: `retention` of the manifest.
    ///
    /// ```
    /// # use cofferdam_guest::testing::StoreShape;
    /// # use std::time::Duration;
    /// let shape = StoreShape::session(Duration::from_secs(60));
    /// ```
    pub fn session(retention: Duration) -> Self {
        Self { keeps_for_ms: ms(retention), ..Self::endless(StoreKind::Session) }
    }

    /// A versioned store: `history` of the manifest.
    ///
    /// ```
    /// # use cofferdam_guest::testing::StoreShape;
    /// # use std::time::Duration;
    /// let shape = StoreShape::versioned(Duration::from_secs(60));
    /// ```
    pub fn versioned(history: Duration) -> Self {
        Self { keeps_for_ms: ms(history), ..Self::endless(StoreKind::Versioned) }
    }

    pub(crate) fn kind(self) -> StoreKind {
        self.kind
    }

    pub(crate) fn window_ms(self) -> Timestamp {
        self.window_ms
    }

    pub(crate) fn keeps_for_ms(self) -> Timestamp {
        self.keeps_for_ms
    }

    pub(crate) fn keeps_duplicates(self) -> bool {
        self.duplicates
    }
}

fn ms(duration: Duration) -> Timestamp {
    Timestamp::try_from(duration.as_millis()).unwrap_or(Timestamp::MAX)
}
