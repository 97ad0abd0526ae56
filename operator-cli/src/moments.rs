//! Times as people say them: how long something waits, when it happened, how long something shall
//! last.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::failure::Failure;

/// A moment of the contract, if it is one that a calendar has.
pub fn moment(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

/// The moment at which a day begins where the reader is.
pub fn day_begins(day: Date) -> Result<prost_types::Timestamp, Failure> {
    let begins = day.to_zoned(TimeZone::system()).map(|begins| begins.timestamp());
    let begins = begins.map_err(|_| Failure::invalid("This day is beyond any calendar."))?;
    Ok(prost_types::Timestamp { seconds: begins.as_second(), nanos: 0 })
}

/// The moment at which it is over.
pub fn day_ends(day: Date) -> Result<prost_types::Timestamp, Failure> {
    day_begins(day.tomorrow().unwrap_or(day))
}

/// How long ago: "<1 min", "12 min", "3 h", "5 d". Empty when the time is not told; a clock that is
/// ahead counts as now.
pub fn since(time: Option<&prost_types::Timestamp>, now: Timestamp) -> String {
    moment(time).map_or_else(String::new, |time| length(now.as_second() - time.as_second()))
}

/// How long until then: "2 d 3 h", "23 h 59 min", "12 min", "40 s". A moment that has passed counts
/// as now.
pub fn until(time: Option<&prost_types::Timestamp>, now: Timestamp) -> String {
    moment(time).map_or_else(String::new, |time| left(time.as_second() - now.as_second()))
}

/// So many seconds that are left, rounded down: with a second unit, since a promise that is nearly
/// an hour off is none.
pub fn left(seconds: i64) -> String {
    match seconds {
        ..0 => "0 s".to_owned(),
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// So many seconds in one unit, rounded down.
pub fn length(seconds: i64) -> String {
    match seconds {
        ..60 => "<1 min".to_owned(),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Date and time where the reader is: "2026-11-21 14:03".
pub fn local(time: Option<&prost_types::Timestamp>) -> String {
    moment(time).map_or_else(String::new, |time| {
        time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
    })
}

/// Hours, minutes and seconds where the reader is: "14:03:07".
pub fn clock(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// Date and time as RFC 3339, for files.
pub fn exact(time: Option<&prost_types::Timestamp>) -> String {
    moment(time).map_or_else(String::new, |time| time.to_string())
}

/// Reads "90m", "24h", "3d" or "never": seconds, or none for never.
pub fn read_length(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim().to_lowercase();
    if text == "never" {
        return Ok(None);
    }
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("say for example 90m, 24h, 3d or never".to_owned()),
    };
    let number: i64 =
        digits.parse().map_err(|_| "say for example 90m, 24h, 3d or never".to_owned())?;
    number
        .checked_mul(unit)
        .filter(|seconds| *seconds > 0)
        .map(Some)
        .ok_or_else(|| "it must be more than nothing, and at most 3650d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_easily() {
        for (seconds, text) in [
            (-5, "<1 min"),
            (59, "<1 min"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
            (i64::MAX, "106751991167300 d"),
        ] {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn impossible_times_are_empty() {
        let impossible = prost_types::Timestamp { seconds: i64::MAX, nanos: -1 };
        assert_eq!(local(Some(&impossible)), "");
        assert_eq!(since(None, Timestamp::UNIX_EPOCH), "");
        let minute = prost_types::Timestamp { seconds: 60, nanos: 0 };
        assert_eq!(until(Some(&minute), Timestamp::UNIX_EPOCH), "1 min");
        assert_eq!(exact(Some(&minute)), "1970-01-01T00:01:00Z");
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(read_length("24h"), Ok(Some(86_400)));
        assert_eq!(read_length(" 90 min "), Ok(Some(5400)));
        assert_eq!(read_length("Never"), Ok(None));
        for text in ["", "h", "0h", "-1h", "5", "5 weeks", "99999999999999999d", "é"] {
            assert!(read_length(text).is_err(), "{text}");
        }
    }
}
