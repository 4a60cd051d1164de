import {
  embeddedMime,
  embeddedName,
  fileContent,
  frameOf,
  mimeBytes,
  mimePieces,
} from '../corpus/generatedMime.ts';
import type { GeneratedFile, MessageFacts } from '../corpus/messageFacts.ts';
import { mix } from '../random.ts';
import type { AttachmentInfo, Body, Content, ContentProperties, MimeForm } from './content.ts';
import { headerLines } from './headerLines.ts';

/** Content of a generated message: JSON properties and MIME both come from the facts, neither from the other. */
export class GeneratedContent implements Content {
  readonly #facts: MessageFacts;

  constructor(facts: MessageFacts) {
    this.#facts = facts;
  }

  /** The same message with another body: what a change of its content leaves behind. */
  revised(revision: number): GeneratedContent {
    const facts = this.#facts;
    const length = facts.lastParagraph - facts.firstParagraph;
    const first = (facts.firstParagraph + revision * 17) % (facts.pool.paragraphs - 400);
    return new GeneratedContent({
      ...facts,
      key: mix(facts.key, revision),
      firstParagraph: first,
      lastParagraph: first + length,
    });
  }

  properties(): ContentProperties {
    const facts = this.#facts;
    return {
      subject: facts.subject,
      from: facts.from,
      sender: facts.from,
      to: facts.to,
      cc: facts.cc,
      bcc: [],
      replyTo: [],
      internetMessageId: facts.internetMessageId,
      headers: () => headerLines(mimeBytes({ ...facts, files: [], embedded: false })),
      sentAt: facts.sentAt,
      body: () => this.#body(),
      jsonBody: (form) => this.#jsonBody(form),
      conversation: `generated ${facts.conversation}`,
      attachments: this.#attachments(),
      importance: facts.importance,
      isReadReceiptRequested: false,
      isDeliveryReceiptRequested: false,
    };
  }

  mime(): MimeForm {
    const facts = this.#facts;
    // Pieces save memory where there are files; for text alone one copied buffer is faster to send.
    if (facts.files.length > 0) return mimePieces(facts);
    const bytes = mimeBytes(facts);
    return { length: bytes.length, bytes };
  }

  attachmentBytes(ordinal: number): Buffer {
    const file = this.#files()[ordinal];
    if (file) return fileContent(file);
    if (this.#facts.embedded && ordinal === this.#files().length) return embeddedMime(this.#facts);
    throw new RangeError(`no attachment ${ordinal}`);
  }

  #files(): GeneratedFile[] {
    const image = this.#facts.inlineImage;
    return image ? [image, ...this.#facts.files] : [...this.#facts.files];
  }

  #body(): Body {
    const { parts, pool, firstParagraph, lastParagraph } = this.#facts;
    const frame = frameOf(this.#facts);
    // One of the two is asked for most often.
    return {
      get html() {
        if (parts === 'text') return null;
        return frame.htmlHead + pool.decodedHtml(firstParagraph, lastParagraph) + frame.htmlTail;
      },
      get text() {
        if (parts === 'html') return null;
        return frame.textHead + pool.decodedText(firstParagraph, lastParagraph) + frame.textTail;
      },
    };
  }

  #jsonBody(form: 'html' | 'text'): (string | Buffer)[] | undefined {
    const { parts, pool, firstParagraph, lastParagraph } = this.#facts;
    if (parts === (form === 'html' ? 'text' : 'html')) return undefined;
    const frame = frameOf(this.#facts);
    const [head, tail] =
      form === 'html' ? [frame.htmlHead, frame.htmlTail] : [frame.textHead, frame.textTail];
    return [
      JSON.stringify(head).slice(0, -1),
      pool.json(form, firstParagraph, lastParagraph),
      JSON.stringify(tail).slice(1),
    ];
  }

  #attachments(): AttachmentInfo[] {
    const infos = this.#files().map(
      (file, ordinal): AttachmentInfo => ({
        ordinal,
        kind: 'file',
        name: file.name,
        contentType: file.contentType,
        size: file.size,
        isInline: file.contentId !== undefined,
        contentId: file.contentId ?? null,
        contentLocation: null,
      }),
    );
    if (this.#facts.embedded) {
      infos.push({
        ordinal: infos.length,
        kind: 'item',
        name: embeddedName(this.#facts),
        contentType: null,
        size: embeddedMime(this.#facts).length,
        isInline: false,
        contentId: null,
        contentLocation: null,
      });
    }
    return infos;
  }
}
