import { configJsonSchema, rolloutJsonSchema, type JsonSchema } from './json-schemas.js';
import { configurationReference } from './reference.js';

/** The generated files of `docs/reference/`. */
export function referenceFiles(): readonly { readonly name: string; readonly text: string }[] {
  const json = (schema: JsonSchema): string => `${JSON.stringify(schema, null, 2)}\n`;
  return [
    { name: 'rollout.schema.json', text: json(rolloutJsonSchema()) },
    { name: 'sluice.config.schema.json', text: json(configJsonSchema()) },
    { name: 'configuration.md', text: configurationReference() },
  ];
}
