//! Tables for people: aligned by what a terminal shows rather than by bytes, cut to its width,
//! understood without colour.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::inert;

/// Columns narrower than this are never cut further.
const NARROWEST: usize = 6;
const GAP: &str = "  ";

/// How a cell looks where colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Like text.
    Plain,
    /// Wants to be seen.
    Loud,
    /// Can wait.
    Quiet,
}

#[derive(Debug)]
struct Cell {
    text: String,
    look: Look,
}

/// A table with its headings.
#[derive(Debug)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub fn new<const N: usize>(headings: [&'static str; N]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row. Its texts may come from anywhere: they are made inert here.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.row_in(Look::Plain, cells);
    }

    /// Adds a row that looks like this as a whole.
    pub fn row_in<const N: usize>(&mut self, look: Look, cells: [String; N]) {
        self.rows.push(
            cells
                .into_iter()
                .map(|text| Cell { text: inert::line(&text).into_owned(), look })
                .collect(),
        );
    }

    /// There is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, each line ended by a newline. Cut to `width` columns when one is given.
    pub fn draw(&self, width: Option<usize>, colour: bool) -> String {
        let widths = self.widths(width);
        let mut drawn = String::new();
        let headings = self.headings.iter().map(|heading| (*heading, Look::Plain));
        draw_row(&mut drawn, headings, &widths, if colour { "\x1b[1m" } else { "" });
        for row in &self.rows {
            let start = match row.first().map(|cell| cell.look) {
                Some(Look::Loud) if colour => "\x1b[1;31m",
                Some(Look::Quiet) if colour => "\x1b[2m",
                _ => "",
            };
            draw_row(
                &mut drawn,
                row.iter().map(|cell| (cell.text.as_str(), cell.look)),
                &widths,
                start,
            );
        }
        drawn
    }

    /// The columns' widths: what they need, or less for the widest ones when the terminal is too
    /// narrow.
    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.headings.len())
            .map(|column| {
                let cells = self
                    .rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.text.width());
                cells.chain([self.headings[column].width()]).max().unwrap_or(0)
            })
            .collect();
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        while let Some(limit) = limit
            && widths.iter().sum::<usize>() + gaps > limit
        {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
        widths
    }
}

fn draw_row<'a>(
    drawn: &mut String,
    cells: impl Iterator<Item = (&'a str, Look)>,
    widths: &[usize],
    start: &str,
) {
    let mut line = String::new();
    for ((text, _), width) in cells.zip(widths) {
        if !line.is_empty() {
            line.push_str(GAP);
        }
        let text = cut(text, *width);
        let missing = width.saturating_sub(text.width());
        line.push_str(&text);
        line.extend(std::iter::repeat_n(' ', missing));
    }
    drawn.push_str(start);
    drawn.push_str(line.trim_end());
    drawn.push_str(if start.is_empty() { "\n" } else { "\x1b[0m\n" });
}

/// At most `width` columns of a text, cut between what people see as characters, with "…" where
/// something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for grapheme in text.graphemes(true) {
        if kept.width() + grapheme.width() + 1 > width {
            break;
        }
        kept.push_str(grapheme);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["NUMBER", "WHO", "WHAT"]);
        table.row(["1".to_owned(), "Ana".to_owned(), "プリンタが動かない".to_owned()]);
        table.row_in(Look::Loud, ["22".to_owned(), "\x1b[2J".to_owned(), "two\nlines".to_owned()]);
        table
    }

    #[test]
    fn aligns_what_is_seen() {
        let expected =
            "NUMBER  WHO   WHAT\n1       Ana   プリンタが動かない\n22      ␛[2J  two␊lines\n";
        assert_eq!(table().draw(None, false), expected);
    }

    #[test]
    fn fits_the_terminal_and_never_breaks_a_character() {
        for width in 0..60 {
            for line in table().draw(Some(width), false).lines() {
                assert!(
                    line.width() <= width.max(3 * NARROWEST + 2 * GAP.len()),
                    "{width}: {line}"
                );
            }
        }
        assert_eq!(cut("👩‍💻👩‍💻👩‍💻", 5), "👩‍💻👩‍💻…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("abc", 2), "a…");
    }

    #[test]
    fn colours_add_nothing_but_colour() {
        let coloured = table().draw(None, true);
        let plain =
            coloured.replace("\x1b[1;31m", "").replace("\x1b[1m", "").replace("\x1b[0m", "");
        assert_eq!(plain, table().draw(None, false));
    }
}
