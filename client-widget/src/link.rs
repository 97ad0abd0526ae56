//! The line to the server: one thread that does all input and output, so that the window never
//! waits.
//!
//! Orders go in, news come out. `worker` is the thread's work, `orders` puts what was ordered on
//! disk, `delivery` sends what is kept there, `calls` are the calls of the contract.

pub mod calls;
pub mod delivery;
mod orders;
mod worker;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use deskbell_proto::manifest::Verified;
use tokio::sync::{mpsc as channel, oneshot};

use crate::manifest::Manifests;
use crate::state::{News, Order};

/// The line, from the window's side.
#[derive(Debug)]
pub struct Link {
    orders: channel::UnboundedSender<Order>,
    news: mpsc::Receiver<News>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Tells the window something, and wakes it up.
#[derive(Clone)]
struct WindowHandle {
    news: mpsc::Sender<News>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl WindowHandle {
    fn tell(&self, news: News) {
        // A window that is gone hears nothing, and that is fine.
        let _ = self.news.send(news);
        (self.wake)();
    }
}

impl Link {
    /// Starts the thread. What was offered at the start waits for [`Order::TrustManifest`]. `wake`
    /// is called after each piece of news.
    pub fn start(
        manifests: Manifests,
        used: Option<Verified>,
        offered: Option<(Vec<u8>, Verified)>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let (order_sender, order_receiver) = channel::unbounded_channel();
        let (news_sender, news_receiver) = mpsc::channel();
        let (stop_sender, stop_receiver) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let window = WindowHandle { news: news_sender, wake: Arc::new(wake) };
        let thread = thread::Builder::new().name("link".into()).spawn(move || {
            let mut worker = worker::Worker::new(manifests, used, offered, order_receiver, window);
            runtime.block_on(async {
                tokio::select! {
                    _ = stop_receiver => {}
                    () = worker.run() => {}
                }
                worker.keep_what_is_left().await;
            });
            // A name look-up that hangs shall not keep the program open.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            orders: order_sender,
            news: news_receiver,
            stop: Some(stop_sender),
            thread: Some(thread),
        })
    }

    /// Gives an order.
    pub fn order(&self, order: Order) {
        // The thread ends only with the program.
        let _ = self.orders.send(order);
    }

    /// The next piece of news, when there is one.
    pub fn news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }
}

impl Drop for Link {
    /// What was ordered and is not on disk yet is written; what is on disk is sent the next time.
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
