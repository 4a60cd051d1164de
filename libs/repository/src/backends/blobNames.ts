import { EngineRefusal } from '../errors.ts';

const PART = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Throws unless the name is a relative path of plain parts: no empty part, none that begins with a dot. */
export function assertBlobName(name: string): void {
  if (name.length > 512 || !name.split('/').every((part) => PART.test(part))) {
    throw new EngineRefusal(
      'invalid-blob-name',
      `${JSON.stringify(name)} is not a name for stored bytes.`,
      '',
      {
        errorClass: 'ours',
      },
    );
  }
}

/** The pieces of a put as a list. */
export function piecesOf(bytes: Uint8Array | readonly Uint8Array[]): readonly Uint8Array[] {
  return bytes instanceof Uint8Array ? [bytes] : bytes;
}

/** Code-unit order, the order in which `list` answers. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
