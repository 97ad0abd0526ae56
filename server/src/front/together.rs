//! A connection and its calls as one task.
//!
//! What calls have to say is written in the same turn in which they say it. With a task for each
//! call, which is what hyper does by itself, a change that goes to a thousand watchers would wake
//! two thousand tasks, each of which may wait for a core.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::FutureExt as _;
use futures_util::task::AtomicWaker;
use slab::Slab;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How often connection and calls are looked after in one turn before others get theirs.
const ROUNDS: usize = 8;

/// What the connection rings with. Calls have the bits below it, in turn: where there are more of
/// them, some share one, and are looked at together.
const CONNECTION: u64 = 1 << CALLS;
const CALLS: usize = 63;

/// Takes the calls that a connection begins, for [`Together`] to run. A call that panics ends
/// alone.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<Mutex<Vec<Call>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Begun {
    fn execute(&self, call: F) {
        let call = AssertUnwindSafe(call).catch_unwind().map(drop);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(call));
    }
}

impl Begun {
    fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection, with the calls that it has begun.
pub(super) struct Together<C> {
    connection: Pin<Box<C>>,
    begun: Begun,
    calls: Slab<Running>,
    task: Arc<Task>,
    /// Wakes for the connection.
    bell: Waker,
}

struct Running {
    call: Call,
    /// Wakes for it.
    bell: Waker,
}

impl<C: Future> Together<C> {
    /// Runs this connection, whose calls are given to `begun`.
    pub(super) fn new(connection: C, begun: Begun) -> Self {
        let task = Arc::new(Task {
            rung: AtomicU64::new(CONNECTION),
            busy: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let bell = Bell::of(&task, CONNECTION);
        Self { connection: Box::pin(connection), begun, calls: Slab::new(), task, bell }
    }

    /// The connection itself, to which something is about to be done.
    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.task.ring(CONNECTION);
        self.connection.as_mut()
    }

    /// Looks after the calls that rang.
    fn poll_calls(&mut self, mut rung: u64) {
        rung &= !CONNECTION;
        while rung != 0 {
            let first = rung.trailing_zeros() as usize;
            rung &= rung - 1;
            for key in (first..self.calls.capacity()).step_by(CALLS) {
                let Some(Running { call, bell }) = self.calls.get_mut(key) else { continue };
                if call.as_mut().poll(&mut Context::from_waker(bell)).is_ready() {
                    self.calls.remove(key);
                }
            }
        }
    }

    /// Looks after the connection, and begins the calls that it brings.
    fn poll_connection(&mut self) -> Poll<C::Output> {
        let ended = self.connection.as_mut().poll(&mut Context::from_waker(&self.bell));
        for call in self.begun.take() {
            let entry = self.calls.vacant_entry();
            let bit = 1 << (entry.key() % CALLS);
            entry.insert(Running { call, bell: Bell::of(&self.task, bit) });
            self.task.rung.fetch_or(bit, Ordering::SeqCst);
        }
        ended
    }
}

impl<C: Future> Future for Together<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let this = &mut *self;
        this.task.waker.register(context.waker());
        for _ in 0..ROUNDS {
            this.task.busy.store(true, Ordering::SeqCst);
            let rung = this.task.rung.swap(0, Ordering::SeqCst);
            this.poll_calls(rung);
            // Calls ring for it with all that they say.
            let since = this.task.rung.fetch_and(!CONNECTION, Ordering::SeqCst);
            if (rung | since) & CONNECTION != 0
                && let Poll::Ready(ended) = this.poll_connection()
            {
                return Poll::Ready(ended);
            }
            this.task.busy.store(false, Ordering::SeqCst);
            if this.task.rung.load(Ordering::SeqCst) == 0 {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The task that all of them run in.
struct Task {
    /// Who rang since it looked.
    rung: AtomicU64,
    /// It looks who rang by itself before it rests.
    busy: AtomicBool,
    waker: AtomicWaker,
}

impl Task {
    /// Either the task sees this before it rests, or this sees that it rests and wakes it.
    fn ring(&self, bit: u64) {
        self.rung.fetch_or(bit, Ordering::SeqCst);
        if !self.busy.load(Ordering::SeqCst) {
            self.waker.wake();
        }
    }
}

/// What a part of the task is woken by.
struct Bell {
    bit: u64,
    task: Arc<Task>,
}

impl Bell {
    fn of(task: &Arc<Task>, bit: u64) -> Waker {
        Waker::from(Arc::new(Bell { bit, task: Arc::clone(task) }))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.task.ring(self.bit);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.task.ring(self.bit);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::sync::atomic::AtomicUsize;

    use hyper::rt::Executor as _;
    use tokio::sync::oneshot;

    use super::*;

    /// A connection that begins some calls and ends when it was woken after so many of them said
    /// something.
    fn connection(
        said: &Arc<AtomicUsize>,
        enough: usize,
        mouth: &Arc<AtomicWaker>,
    ) -> impl Future<Output = ()> + use<> {
        let (said, mouth) = (Arc::clone(said), Arc::clone(mouth));
        poll_fn(move |context| {
            mouth.register(context.waker());
            if said.load(Ordering::SeqCst) >= enough { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    #[tokio::test]
    async fn what_calls_say_reaches_the_connection() {
        let (said, mouth, begun) = (Arc::default(), Arc::default(), Begun::default());
        let mut answers = Vec::new();
        // More than there are bits.
        for _ in 0..100 {
            let (answer, answered) = oneshot::channel::<()>();
            let (said, mouth): (Arc<AtomicUsize>, Arc<AtomicWaker>) =
                (Arc::clone(&said), Arc::clone(&mouth));
            begun.execute(async move {
                // Whether it is answered or dropped, it goes on.
                let _ = answered.await;
                said.fetch_add(1, Ordering::SeqCst);
                mouth.wake();
            });
            answers.push(answer);
        }
        begun.execute(async { panic!("a call that panics ends alone") });
        begun.execute(pending());
        begun.execute(ready(()));
        let together = tokio::spawn(Together::new(connection(&said, 100, &mouth), begun));
        for answer in answers {
            tokio::task::yield_now().await;
            answer.send(()).expect("the call waits");
        }
        together.await.expect("it ends");
    }

    #[tokio::test]
    async fn it_is_woken_by_others_while_it_rests() {
        let (said, mouth): (Arc<AtomicUsize>, Arc<AtomicWaker>) = Default::default();
        let together = tokio::spawn(Together::new(connection(&said, 3, &mouth), Begun::default()));
        while !together.is_finished() {
            said.fetch_add(1, Ordering::SeqCst);
            mouth.wake();
            tokio::task::yield_now().await;
        }
        together.await.expect("it ends");
    }
}
