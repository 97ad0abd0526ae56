//! The table for people.

use crate::figures::{Figure, Target};

/// The columns' heads; the first and the last two are words, the rest numbers.
const HEADS: [&str; 9] =
    ["figure", "value", "yardstick", "ratio", "spread", "target", "aim", "", "measured against"];

/// What was not measured, and why.
type Missing = [(String, String)];

/// Prints all figures with what they were measured against, and what is missing with the reason.
pub fn print_table(figures: &[Figure], skipped: &Missing, failed: &Missing) {
    let rows: Vec<_> = figures.iter().map(row).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADS[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 9] = std::array::from_fn(width);
    println!();
    if !rows.is_empty() {
        print_row(&HEADS.map(str::to_owned), &widths);
        print_row(&widths.map(|width| "-".repeat(width)), &widths);
    }
    for row in &rows {
        print_row(row, &widths);
    }
    for (name, reason) in skipped {
        println!("skipped: {name}: {reason}");
    }
    for (name, reason) in failed {
        println!("failed: {name}: {reason}");
    }
    println!(
        "\nA target with a unit is about the value, others are about the ratio. No figure fails \
         anything."
    );
}

fn print_row(cells: &[String; 9], widths: &[usize; 9]) {
    let cells = cells.iter().zip(widths).enumerate().map(|(column, (cell, &width))| match column {
        0 | 7 | 8 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    });
    println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
}

fn row(figure: &Figure) -> [String; 9] {
    let value = format!("{} {}", short(figure.value), figure.unit);
    let [yardstick, ratio, against] = match &figure.yardstick {
        Some(yardstick) => {
            [short(yardstick.value), short(yardstick.ratio), yardstick.name.to_owned()]
        }
        None => ["", "", ""].map(str::to_owned),
    };
    let spread = format!("{} .. {}", short(figure.spread.0), short(figure.spread.1));
    let unit = if figure.target_of_value { format!(" {}", figure.unit) } else { String::new() };
    let [target, aim] = match figure.target {
        Some(Target::AtLeast { must, aim }) => [format!(">= {must}{unit}"), aim.to_string()],
        Some(Target::AtMost { must, aim }) => [format!("<= {must}{unit}"), aim.to_string()],
        None => ["", ""].map(str::to_owned),
    };
    [
        figure.name.clone(),
        value,
        yardstick,
        ratio,
        spread,
        target,
        aim,
        figure.word().to_owned(),
        against,
    ]
}

fn short(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
