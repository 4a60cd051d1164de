export interface HttpBody extends AsyncIterable<Uint8Array> {
  /** The whole body. */
  bytes(): Promise<Uint8Array>;
  /** The whole body into given memory; resolves with its length, also when it had no room for all. */
  into(memory: Uint8Array): Promise<number>;
  /** Reads what is left into nothing, so that the connection can be used again. */
  dump(): Promise<void>;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: HttpBody;
}
