-- The history of whoever sees only what they handled, and of groups, page by page in the order of the index.

ALTER TABLE ticket_handlers ADD COLUMN ended_at BIGINT;
UPDATE ticket_handlers SET ended_at = (SELECT t.ended_at FROM tickets t
    WHERE t.team_id = ticket_handlers.team_id AND t.ticket_id = ticket_handlers.ticket_id);
DROP INDEX tickets_by_handler;
CREATE INDEX tickets_ended_by_handler ON ticket_handlers (team_id, member_id, ended_at, ticket_id) WHERE ended_at IS NOT NULL;
DROP INDEX tickets_ended_by_group;
CREATE INDEX tickets_ended_by_group ON tickets (team_id, group_id, ended_at, ticket_id) WHERE ended_at IS NOT NULL;
