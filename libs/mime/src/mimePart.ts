/** Half-open range of byte offsets in the message. */
export interface ByteSpan {
  start: number;
  end: number;
}

/** One part of a message, as far as its bytes tell; everything but the ranges is best effort. */
export interface MimePart {
  /** `1`, `1.2`, `1.2.1`: the position below the root, which has the path `0`. */
  path: string;
  /** The header fields without the empty line after them. */
  header: ByteSpan;
  /** The content without the line break that belongs to the next boundary. */
  body: ByteSpan;
  /** Lower case, such as `text/plain`; what the part does not say is `text/plain`. */
  contentType: string;
  /** Lower-case names; RFC 2231 continuations joined and decoded. */
  parameters: Readonly<Record<string, string>>;
  /** Lower case; `7bit` when not said. */
  transferEncoding: string;
  /** Lower case, such as `attachment`, or undefined. */
  disposition: string | undefined;
  fileName: string | undefined;
  /** Without angle brackets. */
  contentId: string | undefined;
  /** Parts of a multipart, or the one message inside a message/rfc822. */
  children: MimePart[];
}

/** More parts than this are left as bytes of the part around them. */
export const MOST_PARTS = 10_000;
/** Deeper nesting than this is left as bytes. */
export const DEEPEST_NESTING = 200;
/** Of longer headers only the beginning is understood. */
export const LONGEST_HEADER_BYTES = 256 * 1024;
/** A boundary line longer than this is content; RFC 2046 allows 70 characters. */
export const LONGEST_BOUNDARY_LINE = 1024;

/** Walks a part and everything below it, parents first. */
export function* walkParts(part: MimePart): Generator<MimePart> {
  const stack = [part];
  for (let next = stack.pop(); next; next = stack.pop()) {
    yield next;
    for (let at = next.children.length - 1; at >= 0; at--) {
      const child = next.children[at];
      if (child) stack.push(child);
    }
  }
}
