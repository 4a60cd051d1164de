/**
 * The types of objects. The byte goes into the object's id, so that bytes of one type can never be taken
 * for another. `data` objects lie in data packs, the others in metadata packs: marking and structure checks
 * read metadata alone.
 */
export const ObjectType = {
  item: 1,
  part: 2,
  segment: 3,
  recipe: 4,
  page: 5,
  folders: 6,
  references: 7,
} as const;
export type ObjectType = (typeof ObjectType)[keyof typeof ObjectType];

export const PackKind = { data: 1, metadata: 2 } as const;
export type PackKind = (typeof PackKind)[keyof typeof PackKind];

const MIB = 1024 * 1024;

/** The largest plaintext of each type; a reader refuses more before it allocates (guard against bombs). */
const LARGEST: Record<ObjectType, number> = {
  1: 64 * MIB,
  2: 64 * MIB,
  3: 64 * MIB,
  4: 16 * MIB,
  5: 4 * MIB,
  6: 64 * MIB,
  7: 16 * MIB,
};

export function isObjectType(value: number): value is ObjectType {
  return value in LARGEST;
}

/** Bytes. */
export function largestPlaintext(type: ObjectType): number {
  return LARGEST[type];
}

export function packKindOf(type: ObjectType): PackKind {
  return type <= ObjectType.segment ? PackKind.data : PackKind.metadata;
}

export function nameOfType(type: number): string {
  return Object.entries(ObjectType).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}
