import { type FieldProblem, HoldfastError, type HoldfastErrorOptions } from '@holdfast/contracts';

/** An insert or replace hit a taken id (`fields` is `['id']`) or a taken unique index. */
export class AlreadyExists extends HoldfastError {
  readonly collection: string;
  readonly fields: readonly string[];

  constructor(collection: string, fields: readonly string[], cause?: unknown) {
    const named = fields.join(', ');
    super('already-exists', 'configuration', `${collection}: another document has the same ${named}`, {
      remedy: `Choose another ${named}.`,
      details: { collection, fields: named },
      cause,
    });
    this.collection = collection;
    this.fields = fields;
  }
}

/** The document was changed or deleted since it was read: read it again and decide anew. */
export class VersionConflict extends HoldfastError {
  constructor(collection: string, id: string, expectedVersion: number) {
    super(
      'version-conflict',
      'transient',
      `${collection}: ${id} is not at version ${expectedVersion} any more`,
      {
        remedy: 'Read it again and repeat the change.',
        details: { collection, id, expectedVersion },
      },
    );
  }
}

/** The database does not answer now; the same call may work later. */
export class StoreUnavailable extends HoldfastError {
  constructor(message: string, options: HoldfastErrorOptions = {}, code = 'store-unavailable') {
    super(code, 'transient', message, {
      remedy: 'Check that the database of the control data runs and can be reached; the call is repeated.',
      ...options,
    });
  }
}

/** The disk of the database is full. Nothing of the refused write is left; it works again when there is room. */
export class StoreFull extends StoreUnavailable {
  constructor(place: string, cause?: unknown) {
    super(
      `no space is left on the disk of ${place}`,
      { remedy: 'Free some space on that disk; work goes on by itself then.', cause },
      'store-full',
    );
  }
}

/** The store cannot be opened as configured: wrong address, missing right, or wrong password. */
export class StoreUnreachable extends HoldfastError {
  constructor(message: string, options: HoldfastErrorOptions) {
    super('store-unreachable', 'configuration', message, options);
  }
}

/** What is at the configured place is no control data of Holdfast. */
export class NotAStore extends HoldfastError {
  constructor(place: string, what: string, cause?: unknown) {
    super('not-a-store', 'configuration', `${place} ${what}`, {
      remedy: 'Check HOLDFAST_STORE: name another place, or move what is there out of the way.',
      cause,
    });
  }
}

/** The control data was written by a newer release; an older one would damage it. */
export class StoreTooNew extends HoldfastError {
  constructor(place: string, found: number, known: number) {
    super(
      'store-too-new',
      'configuration',
      `${place} has schema version ${found}; this release knows versions up to ${known}`,
      { remedy: 'Run the release that wrote it, or a newer one.', details: { found, known } },
    );
  }
}

/** The database file is damaged. */
export class StoreDamaged extends HoldfastError {
  constructor(place: string, cause?: unknown) {
    super('store-damaged', 'configuration', `the database ${place} is damaged`, {
      remedy:
        'Stop all services and put the database file back from a copy; the repositories are not affected.',
      cause,
    });
  }
}

/** The database refused something for a reason that Holdfast does not know. */
export class StoreFailed extends HoldfastError {
  constructor(message: string, cause: unknown) {
    super('store-failed', 'ours', message, {
      remedy: 'This is a defect of Holdfast: please report it with the log lines around it.',
      cause,
    });
  }
}

/** A document that its collection's schema refuses: a defect of the writer, so never written. */
export class InvalidDocument extends HoldfastError {
  readonly problems: readonly FieldProblem[];

  constructor(collection: string, id: unknown, problems: readonly FieldProblem[]) {
    const listed = problems.map((p) => `${p.field}: ${p.message}`).join('; ');
    super('invalid-document', 'ours', `${collection}: ${String(id)} is refused: ${listed}`, {
      remedy: 'This is a defect of Holdfast: please report it with the log lines around it.',
      details: { collection },
    });
    this.problems = problems;
  }
}
