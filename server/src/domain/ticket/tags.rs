//! Tags: short words that staff put on tickets to find them again. They are words like the others of
//! their ticket, and go when it is erased.

use deskbell_proto::fold;

use super::{Ticket, TicketWords, What};
use crate::domain::command::Checked;
use crate::domain::decide::Draft;
use crate::domain::ids::Revision;
use crate::domain::refusal::Refusal;
use crate::domain::request::Reply;
use crate::domain::text;
use crate::domain::words::Prepared;

/// Code points that a tag may have.
const TAG: usize = 40;

impl Draft<'_> {
    /// Gives a ticket these words, which differ in their tags; none: it has these tags already.
    pub(super) fn set_tags(
        &mut self,
        number: i64,
        version: Revision,
        words: &Checked<Option<Prepared<TicketWords>>>,
    ) -> Result<Reply, Refusal> {
        let old = self.visible(number)?;
        self.same_version(old, version)?;
        let ticket: Ticket = match words.clone()? {
            Some(words) => self.change_ticket_words(old, old.image.clone(), words, What::Tagged),
            None => old.image.clone(),
        };
        Ok(Reply::Ticket(Box::new(ticket)))
    }
}

/// Tags as they are kept: each once, compared as names are, in that order.
fn tags(typed: &[String]) -> Checked<Vec<String>> {
    let mut tags = typed
        .iter()
        .map(|tag| text::one_line(tag, TAG).map_err(Refusal::text("tags")))
        .collect::<Result<Vec<_>, _>>()?;
    tags.sort_by_cached_key(|tag| fold::name(tag));
    tags.dedup_by_key(|tag| fold::name(tag));
    if tags.len() > TicketWords::TAGS {
        let problem = format!("has too many: a ticket has at most {} tags", TicketWords::TAGS);
        return Err(Refusal::invalid("tags", problem));
    }
    Ok(tags)
}

impl TicketWords {
    /// Tags that a ticket may have.
    pub const TAGS: usize = 20;

    /// The same with other tags. None: it has these already.
    ///
    /// # Errors
    /// A tag has to be one line of 1 to 40 code points, and a ticket has at most 20.
    pub fn with_tags(&self, typed: &[String]) -> Checked<Option<TicketWords>> {
        let tags = tags(typed)?;
        Ok((tags != self.tags).then(|| TicketWords { tags, ..self.clone() }))
    }

    /// All of these are among its tags.
    pub fn has_tags(&self, wanted: &[String]) -> bool {
        let has =
            |wanted: &String| self.tags.iter().any(|tag| fold::name(tag) == fold::name(wanted));
        wanted.iter().all(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(typed: &[&str]) -> Checked<Vec<String>> {
        tags(&typed.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn tags_are_kept_once_and_in_order() {
        let kept = of(&["  VIP ", "paper jam", "vip", "B\u{fc}ro", "bu\u{308}ro"]).unwrap();
        assert_eq!(kept, ["B\u{fc}ro", "paper jam", "VIP"]);
        let words = TicketWords { tags: kept, ..TicketWords::default() };
        assert!(words.has_tags(&["BÜRO".to_owned(), "Vip".to_owned()]));
        assert!(!words.has_tags(&["vip".to_owned(), "paper".to_owned()]));
        assert!(words.has_tags(&[]));
    }

    #[test]
    fn tags_have_limits() {
        let long = "x".repeat(TAG + 1);
        for wrong in ["", " ", "\u{200b}", "a\nb", long.as_str()] {
            let refusal = of(&["fine", wrong]).unwrap_err();
            assert!(matches!(refusal, Refusal::Invalid { field: "tags", .. }), "{wrong:?}");
        }
        let many: Vec<_> = (0..=TicketWords::TAGS).map(|tag| tag.to_string()).collect();
        assert!(tags(&many[..TicketWords::TAGS]).is_ok());
        assert!(tags(&many).is_err());
    }
}
