//! Encodes changes for the hub: each ticket once, and the same bytes for everyone who may see
//! it.

use bytes::{BufMut as _, Bytes, BytesMut};
use deskbell_proto::v1::WatchQueueResponse;
use deskbell_proto::v1::watch_queue_response::{Change, Frame, Progress, Snapshot};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::convert;
use crate::desk::Encoder;
use crate::domain::{Revision, Team, TeamId, TicketEntry};

/// Numbers of the contract's fields that are put together from parts already encoded. A test below
/// holds them to the contract.
const SNAPSHOT: u32 = 1;
const CHANGE: u32 = 2;
/// Of a snapshot and of a change.
const TICKETS: u32 = 2;

/// Encodes as `deskbell.v1`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProtoEncoder;

impl Encoder for ProtoEncoder {
    fn ticket(&self, team: &Team, ticket: &TicketEntry) -> Bytes {
        convert::ticket_in_list(team, ticket).encode_to_vec().into()
    }

    fn change(
        &self,
        at: (TeamId, Revision),
        kind: &str,
        actor: &str,
        tickets: &[Bytes],
        removed: &[i64],
    ) -> Bytes {
        let rest = Change {
            cursor: convert::cursor(at),
            tickets: Vec::new(),
            removed: removed.to_vec(),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
        };
        with_tickets(CHANGE, tickets, &rest)
    }

    fn snapshot(
        &self,
        at: (TeamId, Revision),
        tickets: &[Bytes],
        first: bool,
        last: bool,
    ) -> Bytes {
        let cursor = if last { convert::cursor(at) } else { String::new() };
        with_tickets(SNAPSHOT, tickets, &Snapshot { cursor, tickets: Vec::new(), first, last })
    }

    fn progress(&self, at: (TeamId, Revision)) -> Bytes {
        let frame = Frame::Progress(Progress { cursor: convert::cursor(at) });
        WatchQueueResponse { frame: Some(frame) }.encode_to_vec().into()
    }
}

/// A frame of one field, a message with tickets and the rest of it.
fn with_tickets(field: u32, tickets: &[Bytes], rest: &impl prost::Message) -> Bytes {
    let part =
        |ticket: &Bytes| key_len(TICKETS) + encoded_len_varint(ticket.len() as u64) + ticket.len();
    let length = rest.encoded_len() + tickets.iter().map(part).sum::<usize>();
    let mut bytes =
        BytesMut::with_capacity(key_len(field) + encoded_len_varint(length as u64) + length);
    encode_key(field, WireType::LengthDelimited, &mut bytes);
    encode_varint(length as u64, &mut bytes);
    for ticket in tickets {
        encode_key(TICKETS, WireType::LengthDelimited, &mut bytes);
        encode_varint(ticket.len() as u64, &mut bytes);
        bytes.put_slice(ticket);
    }
    // Fields may come in any order; a BytesMut has room for what was counted, so encoding has no
    // way to fail.
    let _ = rest.encode(&mut bytes);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use deskbell_proto::v1::Ticket;

    use super::*;

    fn read(bytes: Bytes) -> WatchQueueResponse {
        WatchQueueResponse::decode(bytes).expect("it reads")
    }

    #[test]
    fn a_progress_mark_reads_as_the_contract_says() {
        let mark = Progress { cursor: convert::cursor((TeamId(5), 7)) };
        assert_eq!(read(ProtoEncoder.progress((TeamId(5), 7))).frame, Some(Frame::Progress(mark)));
    }

    #[test]
    fn a_change_put_together_reads_as_the_contract_says() {
        let tickets: Vec<_> = (1..4)
            .map(|number| Ticket { number, title: "x".repeat(200), ..Ticket::default() })
            .collect();
        let parts: Vec<Bytes> =
            tickets.iter().map(|ticket| ticket.encode_to_vec().into()).collect();
        let bytes = ProtoEncoder.change((TeamId(5), 7), "taken", "Ana", &parts, &[9, 300]);
        let read = read(bytes);
        let change = Change {
            cursor: convert::cursor((TeamId(5), 7)),
            tickets,
            removed: vec![9, 300],
            kind: "taken".to_owned(),
            actor: "Ana".to_owned(),
        };
        assert_eq!(read.frame, Some(Frame::Change(change)));
    }

    #[test]
    fn a_part_of_a_snapshot_reads_as_the_contract_says() {
        let tickets: Vec<_> = (1..4).map(|number| Ticket { number, ..Ticket::default() }).collect();
        let parts: Vec<Bytes> =
            tickets.iter().map(|ticket| ticket.encode_to_vec().into()).collect();
        for (first, last) in [(true, false), (false, true), (true, true)] {
            let bytes = ProtoEncoder.snapshot((TeamId(5), 7), &parts, first, last);
            let cursor = if last { convert::cursor((TeamId(5), 7)) } else { String::new() };
            let snapshot = Snapshot { cursor, tickets: tickets.clone(), first, last };
            let read = read(bytes);
            assert_eq!(read.frame, Some(Frame::Snapshot(snapshot)));
        }
    }
}
