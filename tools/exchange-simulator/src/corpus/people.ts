import { mix } from '../random.ts';

const FIRST = [
  'Ada',
  'Bo',
  'Chloé',
  'Dmitri',
  'Elif',
  'Fatima',
  'Grace',
  'Hiro',
  'Ines',
  'Jürgen',
  'Kwame',
  'Lena',
  'Mateo',
  'Nadia',
  'Owen',
  'Priya',
  'Quentin',
  'Rosa',
  'Søren',
  'Tariq',
  'Uma',
  'Viktor',
  'Wanda',
  'Xin',
  'Yara',
  'Zoë',
  'Łukasz',
  'Noor',
  'Ólafur',
  'Paul',
  'Sara',
  '美咲',
];
const LAST = [
  'Adler',
  'Brown',
  'Costa',
  'Dubois',
  'Eriksen',
  'Fischer',
  'García',
  'Haddad',
  'Ivanov',
  'Jensen',
  'Kaya',
  'Lindqvist',
  'Müller',
  'Nakamura',
  "O'Neill",
  'Petrov',
  'Quist',
  'Rossi',
  'Schmidt',
  'Tanaka',
  'Ueda',
  'Vogel',
  'Wójcik',
  'Xu',
  'Yılmaz',
  'Zhang',
  'Okafor',
  'Silva',
  'Novák',
  'Kim',
  'Larsen',
  'Moreau',
];
const PARTNERS = [
  'fabrikam.example',
  'northwind.example',
  'tailspin.example',
  'litware.example',
  'adatum.example',
];

/** A person with an address; the same number gives the same person. */
export interface Person {
  readonly name: string;
  readonly address: string;
}

function nameOf(hash: number): string {
  return `${FIRST[hash % FIRST.length] ?? 'Ada'} ${LAST[(hash >>> 8) % LAST.length] ?? 'Adler'}`;
}

const PARTNER_COUNT = 4000;
const KEPT_OWNERS = 20_000;
const partners: (Person | undefined)[] = [];
const owners = new Map<string, (Person | undefined)[]>();

/** The owner of generated mailbox `index` in a domain. Kept, because every message asks for a few. */
export function mailboxOwner(index: number, domain: string): Person {
  let kept = owners.get(domain);
  if (!kept) {
    kept = [];
    owners.set(domain, kept);
  }
  const known = kept[index];
  if (known) return known;
  const address = `user${String(index).padStart(5, '0')}@${domain}`;
  const owner = { name: nameOf(mix(0x6d61696c, index)), address };
  if (index < KEPT_OWNERS) kept[index] = owner;
  return owner;
}

/** Somebody outside the organization. */
export function partner(hash: number): Person {
  const number = hash % PARTNER_COUNT;
  const known = partners[number];
  if (known) return known;
  const name = nameOf(mix(0x70617274, number));
  const domain = PARTNERS[number % PARTNERS.length] ?? 'fabrikam.example';
  const person = { name, address: `partner${number}@${domain}` };
  partners[number] = person;
  return person;
}
