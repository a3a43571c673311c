import { z } from 'zod';
import { configSchema } from './config-schema.js';
import { rolloutSchema } from './rollout-schema.js';
import { PLACEHOLDER_PATTERN } from './substitution.js';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** For editors, and for whoever writes the file with a program. Rules between fields are checked by `sluice validate` alone. */
export function rolloutJsonSchema(): JsonSchema {
  return toJsonSchema(rolloutSchema, { title: 'rollout.yaml', description: 'A rollout of Sluice.' });
}

export function configJsonSchema(): JsonSchema {
  return toJsonSchema(configSchema, {
    title: 'sluice.config.yaml',
    description: 'What a platform team configures for its Sluice workers.',
  });
}

function toJsonSchema(schema: z.ZodType, head: { readonly title: string; readonly description: string }): JsonSchema {
  const { $schema, ...body } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema, path }) => {
      if (path.at(-1) !== 'propertyNames') orPlaceholder(jsonSchema);
    },
  });
  return { ...($schema === undefined ? {} : { $schema }), ...head, ...body };
}

/** An editor must accept a placeholder wherever text is. Where a number or a switch is wanted, one alternative is text. */
function orPlaceholder(schema: JsonSchema): void {
  if (schema.type !== 'string') return;
  // Called once for each wrapper around a schema.
  if (schema.pattern?.endsWith(PLACEHOLDER_PATTERN.source) === false) schema.pattern += `|${PLACEHOLDER_PATTERN.source}`;
  if (schema.enum === undefined && schema.format === undefined) return;
  const { description, ...constraints } = schema;
  for (const key of Object.keys(constraints)) Reflect.deleteProperty(schema, key);
  schema.anyOf = [constraints, { type: 'string', pattern: PLACEHOLDER_PATTERN.source }];
  if (description !== undefined) schema.description = description;
}
