/** Counters since the start or the last reset. */
export interface Statistics {
  /** Requests and the parts of batches, each for itself. */
  readonly requests: number;
  /** Requests to Graph as they came over the line: a batch is one. */
  readonly exchanges: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Requests by user id. */
  readonly byMailbox: Readonly<Record<string, number>>;
  readonly throttled: number;
  readonly bytesServed: number;
  readonly bytesReceived: number;
  readonly tokensIssued: number;
  readonly peakConcurrency: number;
  /** Highest concurrency per application and mailbox. */
  readonly usage: readonly {
    application: string;
    mailbox: string;
    peakConcurrency: number;
    throttled: number;
  }[];
  /** Attempts to send mail. A backup or restore must leave it empty. */
  readonly sentMail: readonly { mailbox: string; path: string }[];
  readonly invitations: readonly { mailbox: string; path: string }[];
}

/** Counts what is asked and answered. */
export class Counters {
  requests = 0;
  exchanges = 0;
  bytesServed = 0;
  bytesReceived = 0;
  tokensIssued = 0;
  active = 0;
  peak = 0;
  readonly byKind = new Map<string, number>();
  readonly byStatus = new Map<number, number>();
  readonly byMailbox = new Map<string, number>();
  sentMail: { mailbox: string; path: string }[] = [];
  invitations: { mailbox: string; path: string }[] = [];

  count(kind: string, mailbox: string | undefined): void {
    this.requests++;
    this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + 1);
    if (mailbox !== undefined) this.byMailbox.set(mailbox, (this.byMailbox.get(mailbox) ?? 0) + 1);
  }

  answered(status: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
  }

  started(): void {
    this.exchanges++;
    this.peak = Math.max(this.peak, ++this.active);
  }

  reset(): void {
    this.exchanges = 0;
    this.requests = this.bytesServed = this.bytesReceived = this.tokensIssued = 0;
    this.peak = this.active;
    this.byKind.clear();
    this.byStatus.clear();
    this.byMailbox.clear();
    this.sentMail = [];
    this.invitations = [];
  }

  read(usage: Statistics['usage']): Statistics {
    return {
      requests: this.requests,
      exchanges: this.exchanges,
      byKind: Object.fromEntries(this.byKind),
      byStatus: Object.fromEntries(this.byStatus),
      byMailbox: Object.fromEntries(this.byMailbox),
      throttled: usage.reduce((sum, one) => sum + one.throttled, 0),
      bytesServed: this.bytesServed,
      bytesReceived: this.bytesReceived,
      tokensIssued: this.tokensIssued,
      peakConcurrency: this.peak,
      usage,
      sentMail: this.sentMail,
      invitations: this.invitations,
    };
  }
}
