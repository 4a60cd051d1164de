import { hash } from 'node:crypto';
import { Damaged } from '../errors.ts';
import { FRAME_HEADER_BYTES, openFrame } from '../format/frame.ts';
import { parsePackName } from '../format/names.ts';
import {
  PACK_TRAILER_BYTES,
  type PackEntry,
  parsePackFooter,
  parsePackHeader,
  parsePackTrailer,
} from '../format/pack.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { Finding } from './finding.ts';

/** What is known of a pack before it is read. */
export interface PackFacts {
  name: string;
  repositoryId: string;
  /** How many of its objects the index lists. */
  listed: number;
}

/** The whole pack: its name, its frames, and that its footer and the index say the same. Damage never throws. */
export function checkPackBytes(keys: MasterKeys, facts: PackFacts, pack: Uint8Array): Finding[] {
  const { listed, name, repositoryId } = facts;
  const findings: Finding[] = [];
  const damaged = (message: string) => findings.push({ kind: 'pack-damaged', subject: name, message });
  try {
    const kind = parsePackHeader(pack, repositoryId);
    if (hash('sha256', pack, 'hex') !== parsePackName(name)?.sha256)
      damaged('Its bytes do not hash to its name.');
    if (kind !== parsePackName(name)?.kind) damaged("Its kind is not its name's.");
    const footer = footerOf(keys, repositoryId, pack);
    if (footer.length !== listed) {
      const message = `${listed} of ${footer.length} objects are listed.`;
      findings.push({ kind: 'index-damaged', subject: name, message });
    }
    for (const { id, offset, bodyLength } of footer) {
      const frame = pack.subarray(offset, offset + FRAME_HEADER_BYTES + bodyLength);
      const problem = frameProblem(keys, frame, id);
      const subject = Buffer.from(id).toString('hex');
      if (problem)
        findings.push({ kind: 'object-damaged', subject, message: `${problem} (${name} at ${offset})` });
    }
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    damaged(error.message);
  }
  return findings;
}

function footerOf(keys: MasterKeys, repositoryId: string, pack: Uint8Array): PackEntry[] {
  const trailer = pack.subarray(Math.max(0, pack.length - PACK_TRAILER_BYTES));
  const { footerLength, footerOffset } = parsePackTrailer(trailer, pack.length);
  const footer = pack.subarray(footerOffset, footerOffset + footerLength);
  return parsePackFooter(footer, trailer, pack.length, keys, repositoryId);
}

function frameProblem(keys: MasterKeys, frame: Uint8Array, id: Uint8Array): string | undefined {
  try {
    openFrame(keys, frame, frame.subarray(FRAME_HEADER_BYTES), id, 'lent');
    return undefined;
  } catch (error) {
    if (error instanceof Damaged) return error.message;
    throw error;
  }
}
