import Table from 'cli-table3';

/** Where output goes; a test gives its own. */
export interface Terminal {
  write(text: string): void;
  /** Calls back when more may be written. */
  writeBytes(bytes: Uint8Array, done: () => void): void;
  isTTY: boolean;
  columns: number;
}

/** What is not shown as it is: control characters (a subject could drive the terminal) and marks that turn text around. */
const unsafe = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text from outside, safe for a terminal and on one line. */
export const safeText = (text: string): string => text.replaceAll(unsafe, '·');

export type Cell = string | number | boolean | null | undefined;

const cellText = (cell: Cell): string => (cell === undefined || cell === null ? '' : safeText(String(cell)));

export interface Screen {
  readonly json: boolean;
  readonly live: boolean;
  /** One JSON document, and nothing else on stdout. */
  document(value: unknown): undefined;
  /** One line of NDJSON. */
  record(value: unknown): void;
  line(text: string): void;
  table(head: readonly string[], rows: readonly (readonly Cell[])[]): void;
  /** Names and values, one a line. */
  facts(pairs: readonly (readonly [string, Cell])[]): void;
  /** A line that replaces the one before on a terminal. */
  redraw(text: string): void;
  /** Keeps what was redrawn and goes on below it. */
  settle(): void;
  /** For people, on stderr: does not disturb what is piped. */
  note(text: string): void;
  mark(state: string): string;
}

const colors: Readonly<Record<string, number>> = {
  success: 32,
  warning: 33,
  failed: 31,
  failure: 31,
  running: 36,
  completing: 36,
  stopped: 33,
  cancelled: 33,
};

/** The screen of a command: tables and colours for people, JSON for programs. */
export function createScreen(
  out: Terminal,
  err: Terminal,
  options: { json: boolean; color: boolean },
): Screen {
  let drawn = false;
  const plain = { chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' } };
  return {
    json: options.json,
    live: out.isTTY && !options.json,
    document(value) {
      out.write(`${JSON.stringify(value, null, 2)}\n`);
      return undefined;
    },
    record: (value) => out.write(`${JSON.stringify(value)}\n`),
    line: (text) => out.write(`${text}\n`),
    table(head, rows) {
      if (rows.length === 0) {
        out.write('(none)\n');
        return;
      }
      const table = new Table({
        ...plain,
        head: [...head],
        style: { head: [], border: [] },
        wordWrap: false,
      });
      for (const row of rows) table.push(row.map(cellText));
      out.write(`${table.toString()}\n`);
    },
    facts(pairs) {
      const shown = pairs.filter(([, value]) => value !== undefined && value !== '');
      const width = Math.max(0, ...shown.map(([name]) => name.length));
      for (const [name, value] of shown) out.write(`${name.padEnd(width)}  ${cellText(value)}\n`);
    },
    redraw(text) {
      drawn = true;
      out.write(`\r\u001b[2K${text.slice(0, Math.max(20, out.columns - 1))}`);
    },
    settle() {
      if (drawn) out.write('\n');
      drawn = false;
    },
    note: (text) => err.write(`${text}\n`),
    mark(state) {
      const color = colors[state];
      return options.color && color !== undefined ? `\u001b[${color}m${state}\u001b[0m` : state;
    },
  };
}
