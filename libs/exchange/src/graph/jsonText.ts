import type { Json } from '@holdfast/contracts';

/** Escapes raw control characters inside JSON strings; those between tokens are white space or a real mistake. */
function escapeControls(text: string): string {
  const pieces: string[] = [];
  let inString = false;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) inString = !inString;
    else if (code === 0x5c && inString) at++;
    else if (code < 0x20 && inString) {
      pieces.push(text.slice(from, at), `\\u${code.toString(16).padStart(4, '0')}`);
      from = at + 1;
    }
  }
  return pieces.join('') + text.slice(from);
}

/**
 * Parses an answer of the service. Mail subjects and bodies can hold raw control characters that strict parsers
 * refuse; the second try, made only then, escapes them. @throws SyntaxError when it is no JSON even so
 */
export function parseJsonText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return JSON.parse(escapeControls(text)) as Json;
  }
}
