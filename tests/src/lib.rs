//! The harness of the stories: real servers on both databases, people who use them over the real
//! client, and what can come between.
//!
//! A story opens a [`desk::Desk`] on a [`host::Database`], lets people act, and ends with
//! [`desk::Desk::close`], which checks that replaying the log gives the tables. Whatever goes wrong
//! here panics with a sentence: that is how a test fails.
//!
//! [`measuring`] is for the benchmark, where things fail with an error.

#![expect(
    clippy::missing_panics_doc,
    reason = "a harness panics wherever something is not as a story needs it"
)]

pub mod balancer;
pub mod customer;
pub mod desk;
pub mod fleet;
pub mod follower;
pub mod host;
pub mod load;
pub mod measuring;
pub mod metrics;
pub mod postgres;
mod process;
pub mod programs;
pub mod proxy;
pub mod recorder;
pub mod scene;
mod scratch;
pub mod screen;
pub mod server;
pub mod setup;
pub mod shell;
pub mod staff;
pub mod terminal;
pub mod waiting;

/// Makes two tests of each story, one for each database. A story is an `async fn(Database)` beside
/// the list.
///
/// ```ignore
/// for_both_databases! { one_wins, nobody_loses }
/// async fn one_wins(database: Database) { … }
/// ```
#[macro_export]
macro_rules! for_both_databases {
    ($($story:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    super::$story($crate::host::Database::Sqlite).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    super::$story($crate::host::Database::Postgres).await;
                }
            )*
        }
    };
}
