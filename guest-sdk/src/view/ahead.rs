//! How many records ahead rows are fetched, when a processor reads by the record's own key.
//!
//! A processor does not say which keys it will ask for. When it asks for the key of the current record, the keys of the next ones are
//! fetched too, first of two records, then of twice as many each time. It is a guess: when less than half of what was fetched has been
//! read, half as many come next. What was learned in one frame holds for the next.

/// Most rows fetched at once.
const MOST_ROWS: usize = 4_096;
/// Bytes fetched at once, as far as the last rows tell.
const MOST_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    window: usize,
    /// Rows fetched last, and how many of them have been read.
    fetched: usize,
    read: usize,
    /// Bytes of a row, on average of those fetched last.
    row_bytes: usize,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { window: 1, fetched: 0, read: 0, row_bytes: 0 }
    }
}

impl Ahead {
    /// How many rows to fetch now; at least 1.
    pub(super) fn window(&mut self) -> usize {
        self.window = if self.read * 2 >= self.fetched { (self.window * 2).min(MOST_ROWS) } else { (self.window / 2).max(1) };
        (self.fetched, self.read) = (0, 0);
        self.window.min(MOST_BYTES / self.row_bytes.max(1)).max(1)
    }

    pub(super) fn fetched(&mut self, rows: usize, bytes: usize) {
        self.fetched = rows;
        self.row_bytes = bytes / rows.max(1);
    }

    /// One of the rows fetched last was read for the first time.
    pub(super) fn read(&mut self) {
        self.read += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(ahead: &mut Ahead, share_read: f64, row_bytes: usize) -> usize {
        let window = ahead.window();
        ahead.fetched(window, window * row_bytes);
        (0..(window as f64 * share_read).ceil() as usize).for_each(|_| ahead.read());
        window
    }

    #[test]
    fn the_window_grows_while_rows_are_read_and_shrinks_when_they_are_not() {
        let mut ahead = Ahead::default();
        assert_eq!([(); 4].map(|()| fetch(&mut ahead, 1.0, 10)), [2, 4, 8, 16]);
        assert_eq!([(); 3].map(|()| fetch(&mut ahead, 0.4, 10)), [32, 16, 8]);
        assert_eq!([(); 9].map(|()| fetch(&mut ahead, 0.0, 10))[5..], [1, 1, 1, 1]);
        assert_eq!((0..20).map(|_| fetch(&mut ahead, 1.0, 10)).last(), Some(MOST_ROWS));
    }

    #[test]
    fn large_rows_are_fetched_a_few_at_a_time() {
        let mut ahead = Ahead::default();
        let windows: Vec<usize> = (0..8).map(|_| fetch(&mut ahead, 1.0, MOST_BYTES / 5)).collect();
        assert_eq!(windows, [2, 4, 5, 5, 5, 5, 5, 5]);
        ahead.fetched(1, MOST_BYTES * 3);
        assert_eq!(ahead.window(), 1);
    }
}
