//! A figure: a value, its yardstick from the same run, and how far the rounds lay apart.

use serde_json::{Value, json};

/// What was measured over all rounds.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// The unit of value and yardstick.
    pub unit: &'static str,
    /// What the yardstick is.
    pub yardstick_name: &'static str,
    /// Median of the rounds' values.
    pub value: f64,
    /// Median of the rounds' yardsticks.
    pub yardstick: f64,
    /// Median of the rounds' ratios, value to yardstick.
    pub ratio: f64,
    /// The least and the greatest ratio.
    pub spread: (f64, f64),
    /// Rounds measured.
    pub rounds: usize,
}

impl Figure {
    /// From pairs of value and yardstick, one a round.
    pub fn of(name: impl Into<String>, unit: &'static str, yardstick_name: &'static str, pairs: &[(f64, f64)]) -> Self {
        let ratios: Vec<f64> = pairs.iter().map(|(value, yardstick)| value / yardstick).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = ratios.iter().copied().fold(0.0, f64::max);
        Figure {
            name: name.into(),
            unit,
            yardstick_name,
            value: median(pairs.iter().map(|pair| pair.0)),
            yardstick: median(pairs.iter().map(|pair| pair.1)),
            ratio: median(ratios.into_iter()),
            spread: (least, greatest),
            rounds: pairs.len(),
        }
    }

    /// One line for machines.
    pub fn to_json(&self) -> Value {
        json!({
            "figure": self.name,
            "unit": self.unit,
            "value": round(self.value),
            "yardstick": round(self.yardstick),
            "yardstick_name": self.yardstick_name,
            "ratio": round(self.ratio),
            "spread": [round(self.spread.0), round(self.spread.1)],
            "rounds": self.rounds,
        })
    }
}

/// Three decimals are more than a machine repeats.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The middle one; 0 when there is none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
