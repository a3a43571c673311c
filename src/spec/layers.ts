import { isMapping } from './tree.js';

/** What is said above holds; mappings are merged field by field, lists are replaced as a whole. */
export function mergeLayers<T extends object>(below: T, above: object): T {
  const merged = { ...below } as Record<string, unknown>;
  for (const [key, value] of Object.entries(above)) {
    if (value === undefined) continue;
    const under = merged[key];
    merged[key] = isMapping(under) && isMapping(value) ? mergeLayers(under, value) : (value as unknown);
  }
  return merged as T;
}
