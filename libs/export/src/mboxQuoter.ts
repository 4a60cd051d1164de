const newline = 0x0a;
const quote = Buffer.from('>');
const whole = /^>*From /;
const beginning = /^>*(F(r(o(m)?)?)?)?$/;
/** So much of a line is looked at: who quotes deeper than this is not taken for a separator by any reader. */
const looked = 256;

/**
 * Quotes a message for an mbox file ("mboxrd"): each line that begins with `From `, or with `>` before it, gets one
 * more `>`. Taking one away from each such line gives the message back, byte for byte.
 */
export async function* quoteForMbox(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let atLineStart = true;
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of bytes) {
    const data =
      held.length === 0
        ? Buffer.from(piece.buffer, piece.byteOffset, piece.length)
        : Buffer.concat([held, piece]);
    held = Buffer.alloc(0);
    let emitted = 0;
    let at = 0;
    while (at < data.length) {
      if (atLineStart) {
        const head = data.toString('latin1', at, Math.min(at + looked, data.length));
        if (at + head.length === data.length && head.length < looked && beginning.test(head)) {
          held = Buffer.from(data.subarray(at));
          break;
        }
        if (whole.test(head)) {
          if (at > emitted) yield data.subarray(emitted, at);
          yield quote;
          emitted = at;
        }
        atLineStart = false;
      }
      const end = data.indexOf(newline, at);
      if (end === -1) {
        at = data.length;
      } else {
        at = end + 1;
        atLineStart = true;
      }
    }
    const until = data.length - held.length;
    if (until > emitted) yield data.subarray(emitted, until);
  }
  if (held.length > 0) yield held;
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The line before a message, with an address of harmless characters and the time in UTC as asctime writes it. */
export function fromLine(from: string, iso: string): string {
  const address = /[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,190}/.exec(from)?.[0] ?? 'MAILER-DAEMON';
  const parsed = new Date(iso);
  const date = Number.isNaN(parsed.getTime()) ? new Date(0) : parsed;
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  const day = String(date.getUTCDate()).padStart(2, ' ');
  return `From ${address} ${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${day} ${clock} ${date.getUTCFullYear()}\n`;
}
