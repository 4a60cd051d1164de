import type { Gate } from '@holdfast/messaging';

/** A gate that can be shut: nobody comes in until it is open again; who is inside stays as long as he likes. */
export interface PausableGate extends Gate {
  readonly paused: boolean;
  pause(): void;
  resume(): void;
}

export function createPausableGate(inner: Gate): PausableGate {
  let opened: PromiseWithResolvers<void> | undefined;
  return {
    slots: inner.slots,
    get busy() {
      return inner.busy;
    },
    get paused() {
      return opened !== undefined;
    },
    pause() {
      opened ??= Promise.withResolvers<void>();
    },
    resume() {
      opened?.resolve();
      opened = undefined;
    },
    async enter(signal) {
      for (;;) {
        await openOrAborted(opened?.promise, signal);
        // An aborted signal is refused here as an open gate refuses it.
        const leave = await inner.enter(signal);
        if (opened === undefined) return leave;
        leave();
      }
    },
  };
}

async function openOrAborted(
  open: Promise<void> | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (open === undefined || signal?.aborted === true) return;
  const aborted = Promise.withResolvers<void>();
  const onAbort = () => aborted.resolve();
  signal?.addEventListener('abort', onAbort, { once: true });
  await Promise.race([open, aborted.promise]);
  signal?.removeEventListener('abort', onAbort);
}
