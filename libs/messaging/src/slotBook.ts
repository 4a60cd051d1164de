/** One holder's share of a counted resource. */
export interface Share {
  owner: string;
  lane: 'normal' | 'reserved';
  slots: number;
  /** When it ends unless renewed, ms since epoch. */
  until: number;
}

/** The document of one key: who holds how much, and until when all shall pause. */
export interface SlotBook {
  shares: Record<string, Share>;
  /** Shared pause, ms since epoch; 0 for none. */
  fence: number;
}

export const emptyBook: SlotBook = { shares: {}, fence: 0 };

export interface SlotRequest {
  owner: string;
  lane: 'normal' | 'reserved';
  want: number;
  capacity: number;
  reserved: number;
}

/** The book without shares that have ended. */
export function withoutEnded(book: SlotBook, now: number): SlotBook {
  const living = Object.entries(book.shares).filter(([, share]) => share.until > now);
  return { ...book, shares: Object.fromEntries(living) };
}

/**
 * How many slots a request gets: lane `reserved` may use all of the capacity, the normal lane together only what is
 * not reserved, and all together never more than the capacity.
 */
export function grantable(book: SlotBook, request: SlotRequest): number {
  const shares = Object.values(book.shares);
  const sum = (some: Share[]) => some.reduce((total, share) => total + share.slots, 0);
  const free = request.capacity - sum(shares);
  const normal = sum(shares.filter((share) => share.lane === 'normal'));
  const freeForLane = request.lane === 'reserved' ? free : request.capacity - request.reserved - normal;
  return Math.max(0, Math.min(request.want, free, freeForLane));
}

/** The book with a share put in (or renewed) under its id. */
export const withShare = (book: SlotBook, id: string, share: Share): SlotBook => ({
  ...book,
  shares: { ...book.shares, [id]: share },
});

export function withoutShare(book: SlotBook, id: string): SlotBook {
  const { [id]: _gone, ...rest } = book.shares;
  return { ...book, shares: rest };
}
