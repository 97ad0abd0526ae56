//! A help desk at work: customers ring, operators ask for the next ticket and close it, for as long
//! as the story lets them. Everybody makes a call that failed again, as the real programs do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use deskbell_proto::client::{Retry, request_id};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use tokio::task::JoinSet;
use tonic::Code;

use crate::customer::{Widget, call_for_help, new_secret};
use crate::fleet::Fleet;
use crate::staff::Staff;
use crate::waiting::{BOUND, eventually};

/// A breath between two acts, so that the tests beside this one get on, too.
const BREATH: Duration = Duration::from_millis(10);

/// How many customers ring at once, each over a connection of their own.
const RINGING: usize = 4;

/// The work under way.
pub struct Load {
    work: Arc<Work>,
    people: JoinSet<Done>,
}

#[derive(Debug, Default)]
struct Work {
    stop: AtomicBool,
    acts: AtomicUsize,
}

/// What was acknowledged.
#[derive(Debug, Default)]
pub struct Done {
    /// The tickets that were rung for, sorted.
    pub rung: Vec<i64>,
    /// The tickets that somebody took and closed, sorted.
    pub helped: Vec<i64>,
    /// What failed for good.
    pub failed: Vec<Problem>,
}

impl Load {
    /// Begins. Calls that fail are made again as patiently as this.
    pub fn start(fleet: &Fleet, patience: Retry) -> Self {
        let work = Arc::<Work>::default();
        let mut people = JoinSet::new();
        for n in 0..RINGING {
            let group = if n % 2 == 0 { &fleet.sales } else { &fleet.support };
            people.spawn(ring(
                fleet.widget.over(&fleet.connect()),
                group.id.clone(),
                patience,
                Arc::clone(&work),
            ));
        }
        for operator in [&fleet.ana, &fleet.bo, &fleet.cy] {
            people.spawn(help(operator.over(&fleet.connect()), patience, Arc::clone(&work)));
        }
        Self { work, people }
    }

    /// Waits until people got some more done.
    pub async fn goes_on(&self) {
        let before = self.work.acts.load(Ordering::Relaxed);
        let more = || self.work.acts.load(Ordering::Relaxed) >= before + 20;
        eventually("the work goes on", BOUND, async || more() || self.people.is_empty()).await;
    }

    /// Lets everybody end what they do.
    pub async fn end(self) -> Done {
        self.work.stop.store(true, Ordering::Relaxed);
        let mut all = Done::default();
        for done in self.people.join_all().await {
            all.rung.extend(done.rung);
            all.helped.extend(done.helped);
            all.failed.extend(done.failed);
        }
        all.rung.sort_unstable();
        all.helped.sort_unstable();
        all
    }
}

impl Work {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    async fn done(&self) {
        self.acts.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(BREATH).await;
    }
}

async fn ring(widget: Widget, group_id: String, patience: Retry, work: Arc<Work>) -> Done {
    let mut done = Done::default();
    while work.goes_on() {
        let request = v1::SubmitTicketRequest {
            group_id: group_id.clone(),
            ..call_for_help(&new_secret(), "Help!")
        };
        let rung = patience.run(|| {
            let (mut assistance, request) = (widget.client.assistance(), request.clone());
            async move { assistance.submit_ticket(request).await }
        });
        match rung.await {
            Ok(answer) => done.rung.extend(answer.ticket.map(|ticket| ticket.number)),
            Err(problem) => done.failed.push(problem),
        }
        work.done().await;
    }
    done
}

async fn help(operator: Staff, patience: Retry, work: Arc<Work>) -> Done {
    let mut done = Done::default();
    while work.goes_on() {
        match help_once(&operator, patience).await {
            Ok(Some(number)) => done.helped.push(number),
            Ok(None) => {}
            Err(problem) => done.failed.push(problem),
        }
        work.done().await;
    }
    done
}

/// Takes the next ticket and closes it: its number. None: nobody waits.
async fn help_once(operator: &Staff, patience: Retry) -> Result<Option<i64>, Problem> {
    let request = v1::NextTicketRequest { request_id: request_id() };
    let next = patience.run(|| {
        let (mut queue, request) = (operator.client.queue(), request.clone());
        async move { queue.next_ticket(request).await }
    });
    let ticket = match next.await {
        Ok(answer) => answer.ticket.expect("the answer holds it"),
        Err(problem) if problem.code == Code::NotFound => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let request = v1::CloseTicketRequest {
        request_id: request_id(),
        number: ticket.number,
        version: ticket.version,
    };
    let close = patience.run(|| {
        let (mut queue, request) = (operator.client.queue(), request.clone());
        async move { queue.close_ticket(request).await }
    });
    close.await?;
    Ok(Some(ticket.number))
}
