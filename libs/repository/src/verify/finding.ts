/** A fault: where, and what an operator should know. */
export interface Finding {
  kind:
    | 'pack-missing'
    | 'pack-damaged'
    | 'pack-unindexed'
    | 'object-missing'
    | 'object-damaged'
    | 'point-damaged'
    | 'index-damaged';
  /** Name of the pack, point or object. */
  subject: string;
  message: string;
  /** The point in whose tree it was found. */
  point?: string;
}
