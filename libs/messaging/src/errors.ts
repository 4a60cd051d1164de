import { HoldfastError, type HoldfastErrorOptions } from '@holdfast/contracts';

/** The broker cannot be reached now, or did not answer in time; the same call may work later. */
export class BrokerUnavailable extends HoldfastError {
  constructor(message: string, options: HoldfastErrorOptions = {}) {
    super('broker-unavailable', 'transient', message, {
      remedy: 'Check that nats-server runs and that HOLDFAST_NATS_URL names it; work goes on by itself then.',
      ...options,
    });
  }
}

/** The broker refuses what is asked because of how it, or its account, is set up. */
export class BrokerRefused extends HoldfastError {
  constructor(message: string, options: HoldfastErrorOptions = {}) {
    super('broker-refused', 'configuration', message, {
      remedy:
        'Check the account, permissions, JetStream and replicas of nats-server against docs/operations.md.',
      ...options,
    });
  }
}

/** Nobody answered a question. */
export class NoAnswer extends HoldfastError {
  constructor(subject: string, why: string, cause?: unknown) {
    super('no-answer', 'transient', `nobody answered ${subject}: ${why}`, {
      remedy: 'Check that the service that answers it runs and serves this pool.',
      details: { subject },
      cause,
    });
  }
}

/** The messaging was closed while or before something was asked of it. */
export class MessagingClosed extends HoldfastError {
  constructor() {
    super('messaging-closed', 'transient', 'this process has closed its connection to the broker');
  }
}

/** A message is larger than the broker takes. */
export class MessageTooLarge extends HoldfastError {
  constructor(what: string, bytes: number, limit: number) {
    super('message-too-large', 'ours', `${what} has ${bytes} bytes, the broker takes ${limit}`, {
      remedy: 'Raise max_payload of nats-server, and please report this.',
      details: { bytes, limit },
    });
  }
}
