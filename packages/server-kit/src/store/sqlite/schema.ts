/** In the file's header: `tmsh`. */
export const applicationId = 0x746d7368

/**
 * Statement lists by version: `user_version` says how many have been applied. What is here has been released, so it is
 * never edited; a change of mind is a further entry.
 *
 * A *run* is a stretch of the log that overlaps no other: a batch as it was appended, or several that were merged. Its
 * number is its lowest sequence, or lower; runs in order of number are the log in order. A run has one segment, or after
 * merging some more: one for each channel with much in it, so that reading a channel does not mean reading the others.
 * A span is what one segment holds of one channel, and the only thing that says so: rows of a segment that no span
 * covers are gone.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE channel (
    id INTEGER PRIMARY KEY, domain TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (domain, name)
  ) STRICT;
  CREATE TABLE segment (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
  CREATE TABLE span (
    channel INTEGER NOT NULL, last INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
    bytes INTEGER NOT NULL, min_ms INTEGER NOT NULL, max_ms INTEGER NOT NULL,
    run INTEGER NOT NULL, segment INTEGER NOT NULL, PRIMARY KEY (channel, last)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX span_by_run ON span (run, segment, first);
  CREATE TABLE retained (
    id INTEGER PRIMARY KEY, domain TEXT NOT NULL, topic TEXT NOT NULL, sequence INTEGER NOT NULL,
    body BLOB NOT NULL, UNIQUE (domain, topic)
  ) STRICT;
  CREATE TABLE session (id TEXT PRIMARY KEY, cursor INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE registry (
    kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE transfer (
    session TEXT NOT NULL, tag INTEGER NOT NULL, PRIMARY KEY (session, tag)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE reception (
    session TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (session, sequence)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE share (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, owed TEXT NOT NULL, body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE loan (
    share TEXT NOT NULL, sequence INTEGER NOT NULL, session TEXT NOT NULL, tag INTEGER NOT NULL,
    received INTEGER NOT NULL, PRIMARY KEY (share, sequence)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE draft_key (
    sequence INTEGER PRIMARY KEY, domain TEXT NOT NULL, publisher TEXT NOT NULL, key TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE key_batch (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, live BLOB NOT NULL, body TEXT NOT NULL
  ) STRICT;
  INSERT INTO key_batch (first, last, live, body)
    SELECT sequence, sequence, x'01', json_array(json_array(domain, publisher, json_array(sequence, key))) FROM draft_key;
  DROP TABLE draft_key;
  `,
  `
  CREATE TABLE epoch (first INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
  INSERT INTO epoch (first, name) SELECT 0, value FROM meta WHERE name = 'epoch';
  DELETE FROM meta WHERE name = 'epoch';
  `,
]
