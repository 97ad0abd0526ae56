use super::*;

const NOW: Millis = 1_000_000_000_000;

fn sign_ins() -> SignIns {
    SignIns { per_account: 10, per_address: 100, clock: Clock::of_machine() }
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be none")]
fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

fn subjects(from: &str) -> Vec<Subject> {
    let from = crate::front::household(from.parse().expect("an address"));
    sign_ins().of_stranger("ana@desk.example", Some(from))
}

/// So many failures with the last or first a second ago, for each subject.
fn counts<const N: usize>(failures: [i64; N]) -> Vec<Count> {
    failures.map(|failures| Count { failures, since: NOW - 1000 }).to_vec()
}

fn wait<const N: usize>(from: &str, failures: [i64; N]) -> Option<Duration> {
    let subjects = subjects(from);
    assert_eq!(subjects.len(), N, "each subject has its count");
    decide(&subjects, &counts(failures), NOW).err()
}

#[test]
fn failures_count_for_a_window_and_survive_a_wrong_clock() {
    let left = |since, now| time_left(since, WINDOW, now);
    let window = Duration::from_millis(WINDOW.unsigned_abs());
    assert_eq!(left(1_000, 1_000), Some(window));
    assert_eq!(left(1_000, 999), Some(window), "another server's clock is a little ahead");
    assert_eq!(left(1_000, 1_000 + WINDOW - 1), Some(Duration::from_millis(1)));
    assert_eq!(left(1_000, 1_000 + WINDOW), None);
    assert_eq!(left(0, WINDOW * 4), None);
    assert_eq!(left(WINDOW * 100, WINDOW), None, "the clock was set back");
    assert_eq!(left(i64::MAX, 0), None);
}

#[test]
fn an_ipv6_network_counts_as_one_and_so_does_the_one_around_it() {
    let names_of = |from| names(&subjects(from));
    assert_eq!(names_of("2001:db8:1:2::1"), names_of("2001:db8:1:2:ffff::9"));
    assert_eq!(
        names_of("2001:db8:1:2::1"),
        [
            "account ana@desk.example from 2001:db8:1:2::",
            "account ana@desk.example from 2001:db8:1::/48",
            "account ana@desk.example",
            "address 2001:db8:1:2::",
            "address 2001:db8:1::/48",
        ]
    );
    let shared = |one, other| {
        let other = names_of(other);
        names_of(one).into_iter().filter(|name| other.contains(name)).count()
    };
    assert_eq!(shared("2001:db8:1:2::1", "2001:db8:1:3::1"), 3, "the wider ones and the account");
    assert_eq!(shared("2001:db8:1:2::1", "2001:db8:2:2::1"), 1, "the account alone");
    assert_eq!(names_of("::ffff:192.0.2.1"), names_of("192.0.2.1"));
    assert_eq!(names_of("192.0.2.1").len(), 3);
    // However many networks of 64 bits fail, the one of 48 bits around them is held.
    let v6 = "2001:db8:1:2::1";
    assert_eq!(wait(v6, [0, 39, 0, 0, 0]), None);
    assert_eq!(wait(v6, [0, 40, 0, 0, 0]), seconds(899));
    assert_eq!(wait(v6, [0, 0, 0, 0, 399]), None);
    assert_eq!(wait(v6, [0, 0, 0, 0, 400]), seconds(899));
}

#[test]
fn one_network_is_held_for_a_window() {
    assert_eq!(wait("192.0.2.1", [9, 9, 99]), None);
    assert_eq!(wait("192.0.2.1", [10, 10, 10]), seconds(899));
    assert_eq!(wait("192.0.2.1", [0, 0, 100]), seconds(899));
}

#[test]
fn what_all_failed_asks_for_seconds() {
    // Of those that failed here before: longer with each, half a minute at most.
    let pauses = [0, 1, 2, 4, 8, 16, 30, 30];
    for (failures, pause) in (9..).zip(pauses) {
        let left = Duration::from_secs(pause).checked_sub(Duration::from_secs(1));
        let left = left.filter(|left| !left.is_zero());
        assert_eq!(wait("192.0.2.1", [1, failures, 1]), left, "{failures}");
    }
    assert_eq!(wait("192.0.2.1", [1, i64::MAX, 1]), seconds(29));
    // Of those that did not, less: they come first.
    assert_eq!(wait("192.0.2.1", [0, 100, 0]), seconds(7));
    assert_eq!(wait("192.0.2.1", [0, i64::MAX, 0]), seconds(7));
}

#[test]
fn an_attempt_is_counted_for_all() {
    let subjects = subjects("192.0.2.1");
    let next = decide(&subjects, &counts([3, 4, 5]), NOW).expect("passes");
    let since = NOW - 1000;
    assert_eq!(
        next,
        [
            Count { failures: 4, since },
            // The pause is one after the last.
            Count { failures: 5, since: NOW },
            Count { failures: 6, since },
        ]
    );
    // What is over counts no more.
    let old = vec![Count { failures: 500, since: NOW - WINDOW }; 3];
    let next = decide(&subjects, &old, NOW).expect("passes");
    assert_eq!(next, [Count { failures: 1, since: NOW }; 3]);
}

#[test]
fn a_device_is_counted_for_itself() {
    let device = DeviceToken::make().expect("made");
    let subjects = sign_ins().of_device("ana@desk.example", device);
    let strangers = names(&self::subjects("192.0.2.1"));
    assert!(names(&subjects).iter().all(|name| !strangers.contains(name)));
    assert_eq!(decide(&subjects, &counts([9]), NOW).err(), None);
    assert_eq!(decide(&subjects, &counts([10]), NOW).err(), seconds(899));
}
