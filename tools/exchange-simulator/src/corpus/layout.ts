/**
 * Where generated messages lie. Message 0 is the newest of its mailbox; the folder of message `index` follows a
 * pattern of 20, so that the n-th message of a folder and the place of a message in its folder are arithmetic: a
 * folder of 200,000 messages costs no memory and any page of it the same time.
 */
export const GENERATED_FOLDERS = ['inbox', 'sent', 'archive', 'nested'] as const;
export type GeneratedFolder = (typeof GENERATED_FOLDERS)[number];

const PATTERN = 'IISIAIISINIAISIIAISI';
const LETTERS: Readonly<Record<GeneratedFolder, string>> = {
  inbox: 'I',
  sent: 'S',
  archive: 'A',
  nested: 'N',
};

const slotsOf = (folder: GeneratedFolder): number[] =>
  [...PATTERN].flatMap((letter, slot) => (letter === LETTERS[folder] ? [slot] : []));

const SLOTS: Readonly<Record<GeneratedFolder, readonly number[]>> = {
  inbox: slotsOf('inbox'),
  sent: slotsOf('sent'),
  archive: slotsOf('archive'),
  nested: slotsOf('nested'),
};
const FOLDER_OF_SLOT: readonly GeneratedFolder[] = [...PATTERN].map(
  (letter) => GENERATED_FOLDERS.find((folder) => LETTERS[folder] === letter) ?? 'inbox',
);

/** The folder of message `index`. */
export function folderOfIndex(index: number): GeneratedFolder {
  return FOLDER_OF_SLOT[index % PATTERN.length] ?? 'inbox';
}

/** How many of the first `messages` messages lie in `folder`. */
export function countInFolder(folder: GeneratedFolder, messages: number): number {
  const slots = SLOTS[folder];
  const rest = messages % PATTERN.length;
  return Math.floor(messages / PATTERN.length) * slots.length + slots.filter((slot) => slot < rest).length;
}

/** The message at `position` of a folder, newest first. */
export function indexAt(folder: GeneratedFolder, position: number): number {
  const slots = SLOTS[folder];
  return Math.floor(position / slots.length) * PATTERN.length + (slots[position % slots.length] ?? 0);
}

/** The place of message `index` in its own folder: the inverse of indexAt. */
export function positionOf(index: number): number {
  return countInFolder(folderOfIndex(index), index);
}
