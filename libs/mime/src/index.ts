export {
  Base64LineEncoder,
  type Base64Run,
  decodeBase64Run,
  encodeBase64Lines,
  findBase64Run,
} from './base64.ts';
export { type Base64Layout, encodedLength } from './base64Layout.ts';
export { type PartHeader, parseParameters, parsePartHeader } from './headerFields.ts';
export { decodeBytes, decodeWords } from './headerText.ts';
export { type ByteSpan, DEEPEST_NESTING, type MimePart, MOST_PARTS, walkParts } from './mimePart.ts';
export { MimeScanner, type SpanListener, scanMime } from './mimeScanner.ts';
export {
  Base64Decoder,
  decodeTransfer,
  QuotedPrintableDecoder,
  type TransferDecoder,
  transferDecoder,
} from './transferDecoders.ts';
