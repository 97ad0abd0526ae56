-- When the clock has something to do with an item of a directory: a deleted group's history is erased then. Groups that were
-- deleted before are looked at once, and looked at again when it is their time.

ALTER TABLE directory ADD COLUMN due_at BIGINT;
CREATE INDEX directory_due ON directory (due_at) WHERE due_at IS NOT NULL;
UPDATE directory SET due_at = 0 WHERE kind = 'group' AND image NOT LIKE '%"deleted_at":null%';
