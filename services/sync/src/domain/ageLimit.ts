/** Items whose time is before this are neither backed up nor kept. */
export interface AgeLimit {
  /** ms since epoch */
  before: number;
  by: 'received' | 'modified';
}
