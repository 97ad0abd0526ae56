//! A connection and its calls as one task.
//!
//! What calls have to say is written in the same turn in which they say it. With a task for each call, which is what hyper does by itself, a
//! change that goes to a thousand watchers would wake two thousand tasks, each of which may wait for a core.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::task::AtomicWaker;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How often the connection is looked after in one turn before others get theirs.
const ROUNDS: usize = 8;

/// Takes the calls that a connection begins, for [`Together`] to run. A call that panics ends alone.
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
    calls: FuturesUnordered<Call>,
    bell: Arc<Bell>,
    waker: Waker,
}

impl<C: Future> Together<C> {
    /// Runs this connection, whose calls are given to `begun`.
    pub(super) fn new(connection: C, begun: Begun) -> Self {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        Self { connection: Box::pin(connection), begun, calls: FuturesUnordered::new(), bell, waker }
    }

    /// The connection itself.
    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }
}

impl<C: Future> Future for Together<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let this = &mut *self;
        this.bell.task.register(context.waker());
        for _ in 0..ROUNDS {
            this.bell.state.swap(BUSY, Ordering::SeqCst);
            while let Poll::Ready(Some(())) = this.calls.poll_next_unpin(context) {}
            // What calls rang for until here is seen to now.
            this.bell.state.swap(BUSY, Ordering::SeqCst);
            if let Poll::Ready(ended) = this.connection.as_mut().poll(&mut Context::from_waker(&this.waker)) {
                return Poll::Ready(ended);
            }
            let begun = this.begun.take();
            let at_rest = begun.is_empty()
                && this.bell.state.compare_exchange(BUSY, AT_REST, Ordering::SeqCst, Ordering::SeqCst).is_ok();
            if at_rest {
                return Poll::Pending;
            }
            this.calls.extend(begun);
        }
        this.bell.state.store(AT_REST, Ordering::SeqCst);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Nobody looks after the connection: whoever rings wakes the task.
const AT_REST: u8 = 0;
/// The task looks after it, and sees whether it rang.
const BUSY: u8 = 1;
/// It rang meanwhile.
const RANG: u8 = 2;

/// What the connection is woken by. Its own calls ring it with all that they say; while the task is busy with them, that is no reason to
/// wake it once more.
#[derive(Default)]
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RANG, Ordering::SeqCst) == AT_REST {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::sync::atomic::AtomicUsize;

    use hyper::rt::Executor as _;
    use tokio::sync::oneshot;

    use super::*;

    /// A connection that begins some calls and ends when it was woken after so many of them said something.
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
        for _ in 0..100 {
            let (answer, answered) = oneshot::channel::<()>();
            let (said, mouth): (Arc<AtomicUsize>, Arc<AtomicWaker>) = (Arc::clone(&said), Arc::clone(&mouth));
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
