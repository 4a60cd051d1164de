import { type Cloud, clouds, refusedClouds } from '@holdfast/exchange';
import type { CloudFacts } from '../ports.ts';

/** The clouds that organizations can be in, and those that people may look for and cannot use, with the reason. */
export function cloudFacts(extra: Readonly<Record<string, Cloud>>): CloudFacts[] {
  const usable = Object.values({ ...clouds, ...extra }).map(({ name, title, authority, graphRoot }) => ({
    ...{ name, title: title ?? name, authority, graphRoot },
  }));
  const refused = Object.entries(refusedClouds).map(([name, reason]) => ({
    ...{ name, title: name[0]?.toUpperCase() + name.slice(1), authority: '', graphRoot: '', refused: reason },
  }));
  return [...usable, ...refused];
}
