import sanitizeHtml from 'sanitize-html';

/** An image of the message itself, as a `data:` address; undefined when it is none, or not to be shown. */
export type InlineImage = (contentId: string) => string | undefined;

export interface SafeHtml {
  html: string;
  /** Pictures and other things that would have been fetched from elsewhere. */
  remoteContent: number;
}

const tags = [
  ...sanitizeHtml.defaults.allowedTags,
  ...['img', 'font', 'center', 'big', 'del', 'ins', 'strike', 'details', 'summary', 'wbr'],
];

const placed = ['align', 'valign', 'width', 'height', 'bgcolor', 'dir', 'lang', 'title', 'style'];

/** Properties that change how a text looks and cannot fetch, cover or move anything. */
const styles = new Set(
  (
    'color background-color font font-family font-size font-style font-weight font-variant line-height text-align ' +
    'text-decoration text-indent text-transform vertical-align white-space word-break word-wrap width max-width min-width ' +
    'height max-height margin margin-top margin-bottom margin-left margin-right padding padding-top padding-bottom ' +
    'padding-left padding-right border border-top border-bottom border-left border-right border-collapse border-color ' +
    'border-radius border-spacing border-style border-width display float clear letter-spacing list-style-type ' +
    'table-layout direction'
  ).split(' '),
);
const longestStyle = 4000;

/** Values with a function, an escape, a comment or an address are left out. */
const plainValue = /^[^\\(){}<>@:;/*]*$/;
const colourFunction = /^(rgb|rgba|hsl|hsla)\([\d\s.,%]*\)$/i;

function safeStyle(style: string): string {
  return style
    .slice(0, longestStyle)
    .split(';')
    .flatMap((declaration) => {
      const colon = declaration.indexOf(':');
      const name = declaration.slice(0, colon).trim().toLowerCase();
      const value = declaration.slice(colon + 1).trim();
      const fits = plainValue.test(value) || colourFunction.test(value);
      return colon > 0 && styles.has(name) && fits ? [`${name}:${value}`] : [];
    })
    .join(';');
}

/**
 * HTML that can be shown: an allow-list of elements, attributes and styles; no script, no form, no frame; nothing is
 * fetched from elsewhere; links open apart and tell nobody where they come from.
 */
export function safeHtml(html: string, inlineImage: InlineImage): SafeHtml {
  let remoteContent = 0;
  const cleaned = sanitizeHtml(html, {
    allowedTags: tags,
    allowedAttributes: {
      '*': placed,
      a: ['href', 'name', 'rel', 'target', ...placed],
      img: ['src', 'alt', ...placed],
      font: ['color', 'face', 'size', ...placed],
      table: ['border', 'cellpadding', 'cellspacing', ...placed],
      td: ['colspan', 'rowspan', 'nowrap', ...placed],
      th: ['colspan', 'rowspan', 'nowrap', ...placed],
      ol: ['start', 'type', ...placed],
    },
    allowedSchemes: ['http', 'https', 'mailto', 'tel'],
    allowedSchemesByTag: { img: ['data'] },
    allowedSchemesAppliedToAttributes: ['href', 'src'],
    allowProtocolRelative: false,
    parseStyleAttributes: false,
    disallowedTagsMode: 'discard',
    nonTextTags: ['script', 'style', 'textarea', 'option', 'noscript', 'title', 'template', 'svg', 'math'],
    nestingLimit: 256,
    transformTags: {
      '*': (tagName, attribs) => {
        if (attribs.style === undefined) return { tagName, attribs };
        const { style, ...rest } = attribs;
        return { tagName, attribs: { ...rest, style: safeStyle(style) } };
      },
      a: (tagName, { href, ...attribs }) => ({
        tagName,
        attribs: {
          ...withSafeStyle(attribs),
          ...(href === undefined ? {} : { href, rel: 'noopener noreferrer nofollow', target: '_blank' }),
        },
      }),
      img: (tagName, { src, ...attribs }) => {
        const image = imageOf(src ?? '', inlineImage);
        if (image === undefined && src !== undefined) remoteContent++;
        const shown: sanitizeHtml.Attributes = withSafeStyle(attribs);
        return { tagName, attribs: image === undefined ? shown : { ...shown, src: image } };
      },
    },
  });
  return { html: cleaned, remoteContent };
}

/** A rule for an element takes the place of the one for all. */
function withSafeStyle({ style, ...attribs }: sanitizeHtml.Attributes): sanitizeHtml.Attributes {
  return style === undefined ? attribs : { ...attribs, style: safeStyle(style) };
}

const shownData = /^data:image\/(png|jpeg|gif|webp|bmp);base64,[A-Za-z0-9+/=\s]*$/i;

function imageOf(src: string, inlineImage: InlineImage): string | undefined {
  const trimmed = src.trim();
  if (/^cid:/i.test(trimmed)) return inlineImage(decodedId(trimmed.slice(4)));
  return shownData.test(trimmed) ? trimmed : undefined;
}

function decodedId(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray per cent sign: the id is meant as it stands.
    return text;
  }
}

/** Text as HTML. */
export const escapedHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
