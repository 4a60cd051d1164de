/** The text of an HTML body, as far as a preview needs it. */
export function plainText(html: string): string {
  return html
    .replaceAll(/<(style|script|head)\b[^>]*>[\s\S]*?<\/\1>/gi, ' ')
    .replaceAll(/<br\s*\/?>|<\/(p|div|tr|li)>/gi, '\r\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .trim();
}
