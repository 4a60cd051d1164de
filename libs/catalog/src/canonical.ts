import type { Json } from '@holdfast/contracts';

/** JSON text that is the same for equal values. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.keys(value)
    .sort()
    .flatMap((name) =>
      value[name] === undefined ? [] : [`${JSON.stringify(name)}:${canonical(value[name])}`],
    );
  return `{${fields.join(',')}}`;
}
