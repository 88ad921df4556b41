/** A past-tense fact, before it is stored. */
export interface NewEvent {
  /** `noun.verbed`, for example `job.completed`; at most 100 characters. */
  readonly type: string;
  /** What a client subscribes to, for example `jobs`; at most 50 characters. */
  readonly channel: string;
  /** Whose event it is; null for the system's own, which only admins see. */
  readonly userId: string | null;
  /** Id of what it is about, for example the job. */
  readonly subjectId: string | null;
  /** Facts that may be shown to the user: never a secret. */
  readonly data: object;
}

export interface StoredEvent {
  /** `<xid>-<seq>`: place in the order of delivery. */
  readonly cursor: string;
  readonly id: string;
  readonly type: string;
  readonly channel: string;
  readonly userId: string | null;
  readonly subjectId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** RFC 3339, UTC, milliseconds. */
  readonly createdAt: string;
}
