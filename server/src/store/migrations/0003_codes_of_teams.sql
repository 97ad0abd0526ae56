-- A code proves something only to the team that issued it, so an address that nobody has proven can have an account for
-- each team whose code opened one.

ALTER TABLE accounts ADD COLUMN opened_by BIGINT;
DROP INDEX accounts_by_email;
CREATE INDEX accounts_by_email ON accounts (email_key);
CREATE INDEX one_time_codes_by_invitation ON one_time_codes (team_id, member_id) WHERE team_id IS NOT NULL;
