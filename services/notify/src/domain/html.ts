/** Text that is HTML already. Made by `html` only, so nothing unescaped gets into a page by oversight. */
export interface Html {
  readonly markup: string;
}

type Value = string | number | Html | readonly Html[];

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Builds HTML; every value is escaped, except what is HTML itself. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  const markup = strings.reduce((text, part, at) => {
    const value = values[at - 1];
    return text + (value === undefined ? '' : markupOf(value)) + part;
  });
  return { markup };
}

export const nothing: Html = { markup: '' };

function markupOf(value: Value): string {
  if (typeof value === 'object')
    return 'markup' in value ? value.markup : value.map((one) => one.markup).join('');
  return visible(String(value)).replaceAll(/[&<>"']/g, (character) => escapes[character] ?? '');
}

/**
 * Control characters shown as a sign, so that no name can break a line, hide text or turn the direction of reading.
 * Covers C0 and C1, line and paragraph separators and the bidirectional overrides.
 */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}
