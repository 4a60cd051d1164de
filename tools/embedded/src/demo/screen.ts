/** What the demonstration shows while it works. In `--json` mode all of it goes to standard error. */
export interface Screen {
  title(text: string): void;
  line(text: string): void;
  check(name: string, ok: boolean, detail: string): void;
  /** A bar that is redrawn in place on a terminal, and printed at each tenth elsewhere. */
  bar(label: string): {
    update(done: number, total: number, note?: string): void;
    finish(note: string): void;
  };
}

const width = 28;

export function createScreen(out: NodeJS.WriteStream): Screen {
  const colour = (code: number, text: string) => (out.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text);
  const write = (text: string) => out.write(`${text}\n`);
  return {
    title: (text) => write(`\n${colour(1, text)}`),
    line: (text) => write(`  ${text}`),
    check: (name, ok, detail) => write(`  ${ok ? colour(32, '✔') : colour(31, '✘')} ${name}: ${detail}`),
    bar: (label) => {
      let shownTenth = -1;
      const started = performance.now();
      return {
        update: (done, total, note = '') => {
          const share = total === 0 ? 0 : Math.min(1, done / total);
          const filled = Math.round(share * width);
          const text = `  ${label} [${'█'.repeat(filled)}${'·'.repeat(width - filled)}] ${Math.floor(share * 100)} % ${note}`;
          if (out.isTTY) {
            out.write(`\r\u001b[2K${text}`);
            return;
          }
          const tenth = Math.floor(share * 10);
          if (tenth > shownTenth) {
            shownTenth = tenth;
            write(text);
          }
        },
        finish: (note) => {
          const seconds = ((performance.now() - started) / 1000).toFixed(1);
          if (out.isTTY) out.write('\r\u001b[2K');
          write(`  ${label}: ${note} (${seconds} s)`);
        },
      };
    },
  };
}

/** Bytes for people: `1.3 MB`. */
export function showBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
