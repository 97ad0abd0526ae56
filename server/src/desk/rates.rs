//! How often callers may come, and how much they may hold, as the host wants it.

/// How often is often. All at least 1.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Calls for help from one network address, a minute.
    pub submits_per_address: u32,
    /// Calls for help with one profile, a minute.
    pub submits_per_profile: u32,
    /// Calls of customers from one network address, whatever they ask for, a minute.
    pub calls_per_address: u32,
    /// Calls and streams of customers at once: of all.
    pub calls_at_once: usize,
    /// Calls and streams of customers at once from one network address.
    pub calls_at_once_per_address: usize,
    /// Live queues that one account watches at once.
    pub watches_per_account: usize,
    /// Failures to sign in to one account from one network address, in fifteen minutes. From all
    /// together there is a pause of seconds after so many.
    pub sign_ins_per_account: u32,
    /// Failures to sign in from one network address, in fifteen minutes.
    pub sign_ins_per_address: u32,
    /// Passwords hashed at once.
    pub passwords_at_once: usize,
}
