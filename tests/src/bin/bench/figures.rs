//! A figure: a value, its yardstick from the same run, what the issue wants of it, and how far the
//! rounds lay apart.

use serde_json::{Map, Value, json};

/// What a figure is held against: its ratio to the yardstick, or its value where there is no
/// yardstick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// More is better.
    AtLeast {
        /// What must be reached.
        must: f64,
        /// What is hoped for.
        aim: f64,
    },
    /// Less is better.
    AtMost {
        /// What must be reached.
        must: f64,
        /// What is hoped for.
        aim: f64,
    },
}

impl Target {
    /// How a measured number stands to it, in a word.
    pub fn word(self, measured: f64) -> &'static str {
        let reaches = |wanted| match self {
            Target::AtLeast { .. } => measured >= wanted,
            Target::AtMost { .. } => measured <= wanted,
        };
        let (Target::AtLeast { must, aim } | Target::AtMost { must, aim }) = self;
        match () {
            () if reaches(aim) => "aim reached",
            () if reaches(must) => "reached",
            () => "short of it",
        }
    }
}

/// What a value is compared with.
#[derive(Debug, Clone)]
pub struct Yardstick {
    /// What it is.
    pub name: &'static str,
    /// Median of the rounds.
    pub value: f64,
    /// Median of the rounds' ratios, value to yardstick.
    pub ratio: f64,
}

/// What was measured over all rounds.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// The unit of value and yardstick.
    pub unit: &'static str,
    /// Median of the rounds' values.
    pub value: f64,
    /// What it is compared with; none: the value speaks for itself.
    pub yardstick: Option<Yardstick>,
    /// The least and the greatest ratio; of the values, where there is no yardstick.
    pub spread: (f64, f64),
    /// What the server must reach; none: nobody asked for anything.
    pub target: Option<Target>,
    /// The target is about the value, and not about the ratio.
    pub target_of_value: bool,
    /// Rounds measured.
    pub rounds: usize,
    /// More that was measured on the way, by name; the unit is in the name.
    pub extra: Map<String, Value>,
}

impl Figure {
    /// From pairs of value and yardstick, one a round.
    pub fn of(
        name: impl Into<String>,
        unit: &'static str,
        yardstick_name: &'static str,
        pairs: &[(f64, f64)],
    ) -> Self {
        let ratios: Vec<f64> = pairs.iter().map(|(value, yardstick)| value / yardstick).collect();
        let spread = spread(&ratios);
        let yardstick = Yardstick {
            name: yardstick_name,
            value: median(pairs.iter().map(|pair| pair.1)),
            ratio: median(ratios.into_iter()),
        };
        let values: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
        Figure {
            yardstick: Some(yardstick),
            spread,
            target_of_value: false,
            ..Figure::plain(name, unit, &values)
        }
    }

    /// From values that need no yardstick, one a round.
    pub fn plain(name: impl Into<String>, unit: &'static str, values: &[f64]) -> Self {
        Figure {
            name: name.into(),
            unit,
            value: median(values.iter().copied()),
            yardstick: None,
            spread: spread(values),
            target: None,
            target_of_value: true,
            rounds: values.len(),
            extra: Map::new(),
        }
    }

    /// More is better: what must be reached, and what is hoped for.
    pub fn at_least(mut self, must: f64, aim: f64) -> Self {
        self.target = Some(Target::AtLeast { must, aim });
        self
    }

    /// Less is better: what must be reached, and what is hoped for.
    pub fn at_most(mut self, must: f64, aim: f64) -> Self {
        self.target = Some(Target::AtMost { must, aim });
        self
    }

    /// Of the value, whatever the yardstick is, less is better: what must be reached, and what is
    /// hoped for.
    pub fn value_at_most(mut self, must: f64, aim: f64) -> Self {
        self.target_of_value = true;
        self.at_most(must, aim)
    }

    /// Adds what else was measured: the median of the rounds. The unit belongs into the name.
    pub fn with(mut self, name: &str, values: &[f64]) -> Self {
        self.extra.insert(name.to_owned(), json!(round(median(values.iter().copied()))));
        self
    }

    /// The number that the target is about.
    pub fn measured(&self) -> f64 {
        let ratio = self
            .yardstick
            .as_ref()
            .filter(|_| !self.target_of_value)
            .map(|yardstick| yardstick.ratio);
        ratio.unwrap_or(self.value)
    }

    /// How it stands to its target, in a word; empty when nobody asked for anything.
    pub fn word(&self) -> &'static str {
        self.target.map_or("", |target| target.word(self.measured()))
    }

    /// One line for machines.
    pub fn to_json(&self) -> Value {
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("figure", json!(self.name));
        put("unit", json!(self.unit));
        put("value", json!(round(self.value)));
        if let Some(yardstick) = &self.yardstick {
            put("yardstick_name", json!(yardstick.name));
            put("yardstick", json!(round(yardstick.value)));
            put("ratio", json!(round(yardstick.ratio)));
        }
        put("spread", json!([round(self.spread.0), round(self.spread.1)]));
        match self.target {
            Some(Target::AtLeast { must, aim }) => {
                put("at_least", json!(must));
                put("aim", json!(aim));
            }
            Some(Target::AtMost { must, aim }) => {
                put("at_most", json!(must));
                put("aim", json!(aim));
            }
            None => {}
        }
        if self.target.is_some() {
            put("target_of", json!(if self.target_of_value { "value" } else { "ratio" }));
            put("word", json!(self.word()));
        }
        put("rounds", json!(self.rounds));
        line.extend(self.extra.clone());
        Value::Object(line)
    }
}

/// Three decimals are more than a machine repeats.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The least and the greatest.
pub fn spread(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(0.0, f64::max))
}

/// The middle one; 0 when there is none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_middle_of_its_rounds() {
        let figure =
            Figure::of("calls", "/s", "others", &[(30.0, 10.0), (10.0, 10.0), (20.0, 5.0)]);
        let line = figure.at_least(2.0, 3.0).to_json();
        assert_eq!(
            (&line["value"], &line["yardstick"], &line["ratio"]),
            (&json!(20.0), &json!(10.0), &json!(3.0))
        );
        assert_eq!((&line["spread"], &line["rounds"]), (&json!([1.0, 4.0]), &json!(3)));
        assert_eq!((&line["at_least"], &line["word"]), (&json!(2.0), &json!("aim reached")));
    }

    #[test]
    fn a_target_has_a_direction() {
        let words = |figure: Figure| {
            (figure.clone().at_least(2.0, 3.0).word(), figure.at_most(2.0, 1.0).word())
        };
        assert_eq!(words(Figure::plain("few", "ms", &[0.5])), ("short of it", "aim reached"));
        assert_eq!(words(Figure::plain("some", "ms", &[2.0])), ("reached", "reached"));
        assert_eq!(words(Figure::plain("many", "ms", &[4.0])), ("aim reached", "short of it"));
    }

    #[test]
    fn a_target_can_be_about_the_value_beside_a_yardstick() {
        let figure = Figure::of("memory", "KiB", "the connection alone", &[(40.0, 10.0)]);
        assert_eq!(figure.clone().at_most(45.0, 36.0).word(), "aim reached");
        assert_eq!(figure.value_at_most(45.0, 36.0).word(), "reached");
    }
}
