const fold = (text: string): string => text.normalize('NFKC').toLowerCase();

/**
 * Does the whole text match the pattern? `*` stands for any text, `?` for one character; case does not matter. The
 * time is bounded by the product of both lengths, whatever the pattern.
 */
export function globMatches(pattern: string, text: string): boolean {
  const [wanted, given] = [[...fold(pattern.trim())], [...fold(text.trim())]];
  let [at, from] = [0, 0];
  // Where the newest star is, and how much of the text it has taken so far: a mismatch lets it take one more.
  let [star, taken] = [-1, 0];
  while (from < given.length) {
    if (wanted[at] === '*') {
      [star, taken] = [at, from];
      at += 1;
    } else if (wanted[at] === '?' || wanted[at] === given[from]) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      taken += 1;
      [at, from] = [star + 1, taken];
    } else return false;
  }
  while (wanted[at] === '*') at += 1;
  return at === wanted.length;
}
