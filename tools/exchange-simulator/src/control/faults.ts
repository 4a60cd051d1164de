import { Random } from '../random.ts';

/** What a fault rule does to a request. */
export type FaultAction =
  /** Answer with an error; no code means an empty body. `retryAfter` is sent as given. */
  | {
      readonly type: 'status';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
      readonly retryAfter?: number | string;
    }
  /** Cut the connection in the middle of the body. */
  | { readonly type: 'reset' }
  /** Delete the message before answering: it vanishes between list and get. */
  | { readonly type: 'vanish' }
  /** 500 ErrorCorruptData. */
  | { readonly type: 'corrupt' }
  /** Answer later. */
  | { readonly type: 'delay'; readonly milliseconds: number }
  /** Wait until `releaseHeld`. */
  | { readonly type: 'hold' }
  /** 401 as if the token had expired. */
  | { readonly type: 'expiredToken' };

/** One line of the fault plan: all given conditions must hold. */
export interface FaultRule {
  /** Kind of request as in the statistics, e.g. `message.value`. */
  readonly kind?: string;
  readonly method?: string;
  /** Regular expression on the path behind the version. */
  readonly path?: string;
  /** Id or principal name of the user. */
  readonly mailbox?: string;
  /** Immutable or regular id of a message, or its internet message id. */
  readonly message?: string;
  readonly folder?: string;
  /** How often it strikes; default for ever. */
  readonly times?: number;
  /** Matching requests that pass first. */
  readonly after?: number;
  /** Share of matching requests that are struck, drawn with the simulator's seed. */
  readonly probability?: number;
  readonly action: FaultAction;
}

/** A request as the fault plan sees it. */
export interface FaultSubject {
  readonly kind: string;
  /** Struck only by rules that name its kind. */
  readonly onlyByKind?: boolean;
  readonly method: string;
  readonly path: string;
  readonly mailbox: readonly string[];
  /** Ids of the message, if the request is about one. */
  readonly message: () => readonly string[];
  readonly folder: () => readonly string[];
}

interface Planned {
  readonly id: number;
  readonly rule: FaultRule;
  readonly path: RegExp | undefined;
  left: number;
  toPass: number;
  struck: number;
}

/** The fault plan: rules in order, the first that fits decides. */
export class FaultPlan {
  readonly #random: Random;
  #rules: Planned[] = [];
  #next = 1;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  add(rule: FaultRule): number {
    const path = rule.path === undefined ? undefined : new RegExp(rule.path);
    const id = this.#next++;
    this.#rules.push({
      id,
      rule,
      path,
      left: rule.times ?? Number.POSITIVE_INFINITY,
      toPass: rule.after ?? 0,
      struck: 0,
    });
    return id;
  }

  remove(id: number): void {
    this.#rules = this.#rules.filter((one) => one.id !== id);
  }

  clear(): void {
    this.#rules = [];
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  list(): { id: number; rule: FaultRule; struck: number }[] {
    return this.#rules.map(({ id, rule, struck }) => ({ id, rule, struck }));
  }

  /** The action that strikes this request, if any; counts it. */
  strike(subject: FaultSubject): FaultAction | undefined {
    for (const planned of this.#rules) {
      if (planned.left <= 0 || !this.#fits(planned, subject)) continue;
      if (planned.toPass > 0) {
        planned.toPass--;
        continue;
      }
      const { probability } = planned.rule;
      if (probability !== undefined && this.#random.unit() >= probability) continue;
      planned.left--;
      planned.struck++;
      return planned.rule.action;
    }
    return undefined;
  }

  #fits({ rule, path }: Planned, subject: FaultSubject): boolean {
    if (rule.kind === undefined ? subject.onlyByKind === true : rule.kind !== subject.kind) return false;
    if (rule.method !== undefined && rule.method.toUpperCase() !== subject.method) return false;
    if (path !== undefined && !path.test(subject.path)) return false;
    if (rule.mailbox !== undefined && !subject.mailbox.includes(rule.mailbox.toLowerCase())) return false;
    if (rule.message !== undefined && !subject.message().includes(rule.message)) return false;
    return rule.folder === undefined || subject.folder().includes(rule.folder);
  }
}
