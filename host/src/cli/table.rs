//! Rows as aligned columns.

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// The rows below their headings, two blanks between columns, none at the ends of lines.
pub fn table<const N: usize>(headings: [(&str, Align); N], rows: &[[String; N]]) -> Vec<String> {
    let heading = headings.map(|(name, _)| name.to_owned());
    let width = |column: usize| std::iter::once(&heading).chain(rows).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).zip(headings).map(|((cell, width), (_, align))| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(&heading).chain(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_and_names_begin_below_each_other() {
        let rows = [["lines".to_owned(), "7".to_owned()], ["x".to_owned(), "1234567".to_owned()]];
        let lines = table([("topic", Align::Left), ("lag", Align::Right)], &rows);
        assert_eq!(lines, ["topic      lag", "lines        7", "x      1234567"]);
    }
}
