/** What a store of one object or item answers. */
export interface StoredFacts {
  /** Hex. */
  objectId: string;
  /** Bytes of all its frames, whether new or shared. */
  storedBytes: number;
  /** Bytes of the frames that were not in the repository before. */
  newBytes: number;
  mimeSize: number;
  /** Hex, empty when there is no message. */
  mimeSha256: string;
}
