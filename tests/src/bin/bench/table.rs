//! The table for people.

use crate::figures::Figure;

/// Prints all figures, with what they were measured against.
pub fn print_table(figures: &[Figure]) {
    println!();
    println!("{:<28} {:>12} {:>12} {:>8}  {:<17} of", "figure", "value", "yardstick", "ratio", "spread");
    for figure in figures {
        let spread = format!("{:.2} to {:.2}", figure.spread.0, figure.spread.1);
        println!(
            "{:<28} {:>12} {:>12} {:>8.2}  {:<17} {} ({})",
            figure.name,
            short(figure.value),
            short(figure.yardstick),
            figure.ratio,
            spread,
            figure.yardstick_name,
            figure.unit,
        );
    }
}

fn short(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
