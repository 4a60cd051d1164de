import { type Html, html } from './html.ts';

/** Colours by result; each has enough contrast on white for small text (4.5 to 1). */
export const resultColour: Record<string, string> = {
  success: '#1b6e3c',
  warning: '#8a5300',
  failed: '#b3261e',
  stopped: '#5b5b66',
  cancelled: '#5b5b66',
};

/**
 * The frame of a message: one column, no images, styles in place (mail programs drop style sheets), as wide as a
 * phone and at most 640 pixels.
 */
export function page(title: string, colour: string, body: readonly Html[]): string {
  const frame = html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title></head>
<body style="margin:0;background:#f3f3f6;color:#1c1c22;font:16px/1.45 -apple-system,'Segoe UI',Roboto,Arial,sans-serif">
<div style="max-width:640px;margin:0 auto;padding:12px">
<h1 style="margin:8px 0 12px;font-size:20px;line-height:1.3;color:${colour}">${title}</h1>
${body}
<p style="margin:16px 0;color:#5b5b66;font-size:13px">Holdfast wrote this by itself; answers are not read.</p>
</div></body></html>
`;
  return frame.markup;
}

export const heading = (text: string): Html =>
  html`<h2 style="margin:20px 0 8px;font-size:17px">${text}</h2>\n`;

export const card = (colour: string, body: readonly Html[]): Html =>
  html`<div style="margin:0 0 8px;padding:10px 12px;background:#fff;border-left:4px solid ${colour};overflow-wrap:anywhere">${body}</div>\n`;

export const small = (text: string): Html => html`<div style="color:#5b5b66;font-size:14px">${text}</div>\n`;

export const strong = (text: string): Html => html`<div style="font-weight:600">${text}</div>\n`;

export const paragraph = (text: string): Html => html`<div style="margin:4px 0">${text}</div>\n`;

export const facts = (rows: readonly (readonly [string, string])[]): Html => {
  const lines = rows.map(
    ([name, value]) =>
      html`<div style="margin:2px 0"><span style="color:#5b5b66">${name}:</span> ${value}</div>\n`,
  );
  return html`<div style="padding:10px 12px;background:#fff;overflow-wrap:anywhere">${lines}</div>\n`;
};
