//! A connection and its calls as one task.
//!
//! What calls have to say is written in the same turn in which they say it. With a task for each call, which is what hyper does by itself, a
//! change that goes to a thousand watchers would wake two thousand tasks, each of which may wait for a core.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::task::AtomicWaker;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How often connection and calls are looked after in one turn before others get theirs.
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
    task: Arc<Task>,
    /// Rung when there is something to read or to write.
    for_connection: Bell,
    /// Rung when a call can go on.
    for_calls: Bell,
}

impl<C: Future> Together<C> {
    /// Runs this connection, whose calls are given to `begun`.
    pub(super) fn new(connection: C, begun: Begun) -> Self {
        let task = Arc::<Task>::default();
        let (for_connection, for_calls) = (Bell::of(&task), Bell::of(&task));
        Self {
            connection: Box::pin(connection),
            begun,
            calls: FuturesUnordered::new(),
            task,
            for_connection,
            for_calls,
        }
    }

    /// The connection itself, to which something is about to be done.
    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.for_connection.button.press();
        self.connection.as_mut()
    }
}

impl<C: Future> Future for Together<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let this = &mut *self;
        this.task.waker.register(context.waker());
        for _ in 0..ROUNDS {
            this.task.busy.store(true, Ordering::SeqCst);
            if this.for_calls.answer() {
                let mut context = Context::from_waker(&this.for_calls.waker);
                while let Poll::Ready(Some(())) = this.calls.poll_next_unpin(&mut context) {}
            }
            if this.for_connection.answer() {
                let mut context = Context::from_waker(&this.for_connection.waker);
                if let Poll::Ready(ended) = this.connection.as_mut().poll(&mut context) {
                    return Poll::Ready(ended);
                }
                let begun = this.begun.take();
                if !begun.is_empty() {
                    this.calls.extend(begun);
                    this.for_calls.button.press();
                }
            }
            this.task.busy.store(false, Ordering::SeqCst);
            if !this.for_calls.rang() && !this.for_connection.rang() {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The task that both parts run in.
#[derive(Default)]
struct Task {
    /// It looks at its bells by itself before it rests.
    busy: AtomicBool,
    waker: AtomicWaker,
}

/// What one part is woken by. Calls ring for the connection with all that they say; while the task is busy with them, that is no reason to
/// wake it once more.
struct Bell {
    button: Arc<Button>,
    waker: Waker,
}

struct Button {
    pressed: AtomicBool,
    task: Arc<Task>,
}

impl Bell {
    /// Rung once: everything wants to be looked at a first time.
    fn of(task: &Arc<Task>) -> Self {
        let button = Arc::new(Button { pressed: AtomicBool::new(true), task: Arc::clone(task) });
        Self { waker: Waker::from(Arc::clone(&button)), button }
    }

    fn rang(&self) -> bool {
        self.button.pressed.load(Ordering::SeqCst)
    }

    /// Whether it rang; from now on it counts anew.
    fn answer(&self) -> bool {
        self.button.pressed.swap(false, Ordering::SeqCst)
    }
}

impl Button {
    /// Either the task sees this before it rests, or this sees that it rests and wakes it.
    fn press(&self) {
        self.pressed.store(true, Ordering::SeqCst);
        if !self.task.busy.load(Ordering::SeqCst) {
            self.task.waker.wake();
        }
    }
}

impl Wake for Button {
    fn wake(self: Arc<Self>) {
        self.press();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.press();
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
