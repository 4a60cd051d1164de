import { type ErrorDetails, HoldfastError, type Json } from '@holdfast/contracts';
import { CursorExpired } from '../errors.ts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import { type ErrorRow, errorTable, outageRow, type Reaction, refusedRow } from './errorTable.ts';
import { parseJsonText } from './jsonText.ts';

/** An answer that is no success: what it means and what the transport does about it. */
export interface Refusal {
  error: HoldfastError;
  reaction: Reaction;
  /** Pause that the service asked for, ms. */
  retryAfterMs: number | undefined;
  /** The service itself is ill: counts for the circuit breaker. */
  outage: boolean;
  /** The request may have been carried out all the same. */
  outcomeUnknown: boolean;
}

export interface RefusedAnswer {
  status: number;
  body: string;
  requestId: string | undefined;
  clientRequestId: string;
  /** `X-Virus-Infected` was set. */
  virus: boolean;
  retryAfterMs: number | undefined;
  /** What was being done, for people: `reading a message`. */
  what: string;
}

const rowsByCode = new Map<string, ErrorRow[]>();
const rowsByStatus = new Map<number, ErrorRow>();
const rowsByMessage: ErrorRow[] = [];
for (const row of errorTable) {
  for (const code of row.serviceCodes ?? []) rowsByCode.set(code, [...(rowsByCode.get(code) ?? []), row]);
  for (const status of row.statuses ?? []) if (!rowsByStatus.has(status)) rowsByStatus.set(status, row);
  if (row.message !== undefined && row.serviceCodes === undefined) rowsByMessage.push(row);
}

function parsedBody(body: string): Json | undefined {
  if (body === '') return undefined;
  try {
    return parseJsonText(body);
  } catch (error) {
    // A gateway answers in HTML; the status then says all there is.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Codes from the most general to the most specific, and the message; keys in any case, as the service mixes them. */
export function serviceCodesOf(body: string): { codes: string[]; message: string } {
  const root = objectOf(parsedBody(body));
  const codes: string[] = [];
  let message = textOf(root.Message) || textOf(root.message);
  let error = objectOf(root.error ?? root.Error);
  // Bounded: a hostile body must not keep us in a loop of nested errors.
  for (let depth = 0; depth < 8; depth++) {
    const code = textOf(error.code ?? error.Code);
    if (code !== '') codes.push(code);
    if (message === '') message = textOf(error.message ?? error.Message);
    const inner = error.innerError ?? error.innererror ?? error.InnerError;
    if (inner === undefined) break;
    error = objectOf(inner);
  }
  return { codes, message };
}

function rowOf(status: number, codes: readonly string[], message: string, virus: boolean): ErrorRow {
  if (virus) return rowsByCode.get('malwaredetected')?.[0] ?? refusedRow;
  const byMessage = rowsByMessage.find((row) => row.message?.test(message));
  if (byMessage !== undefined) return byMessage;
  for (const code of codes.toReversed()) {
    const rows = rowsByCode.get(code.toLowerCase()) ?? [];
    const row = rows.find((candidate) => candidate.message === undefined || candidate.message.test(message));
    if (row !== undefined) return row;
  }
  return rowsByStatus.get(status) ?? (status >= 500 ? outageRow : refusedRow);
}

/** Exchange may have done what a gateway could not report. */
const unknownOutcome = new Set([500, 502, 504, 408]);

/** Classifies an answer with a status of 400 or more by the table. Never quotes an address: some are secrets. */
export function classifyAnswer(answer: RefusedAnswer): Refusal {
  const { codes, message } = serviceCodesOf(answer.body);
  const row = rowOf(answer.status, codes, message, answer.virus);
  const serviceCode = codes.at(-1) ?? '';
  const id = answer.requestId ?? answer.clientRequestId;
  const details: ErrorDetails = {
    status: answer.status,
    serviceCode,
    serviceMessage: message.slice(0, 300),
    requestId: answer.requestId,
    clientRequestId: answer.clientRequestId,
    doing: answer.what,
  };
  const text = `${row.meaning} While ${answer.what}: status ${answer.status}${serviceCode === '' ? '' : ` ${serviceCode}`}, request ${id}.`;
  const error =
    row.code === 'cursor-expired'
      ? new CursorExpired(text, { details })
      : new HoldfastError(row.code, row.errorClass, text, { remedy: row.remedy, details });
  // A service that names its own pause is busy, not broken.
  const asked = answer.retryAfterMs !== undefined && (answer.status === 503 || answer.status === 504);
  return {
    error,
    reaction: asked && row.reaction === 'repeat' ? 'pause' : row.reaction,
    retryAfterMs: answer.retryAfterMs,
    outage: [502, 503, 504].includes(answer.status) && row.errorClass === 'transient' && !asked,
    outcomeUnknown: unknownOutcome.has(answer.status) && row.errorClass === 'transient',
  };
}
