import { z } from 'zod';

/** One field of a file, as the reference shows it. */
export interface Field {
  /** `steps[].soak`, `routers.<name>.control`. */
  readonly path: string;
  /** What an error would say is expected: the one place where that is written. Absent for a mapping whose fields follow. */
  readonly allowed: string | undefined;
  readonly meaning: string;
  readonly required: boolean;
}

/** Every field of a schema, depth first. `variants` have one entry a `type`, under `routers.<name> (haproxy)`. */
export function outline(schema: z.ZodType, path = ''): readonly Field[] {
  return fieldsOf(unwrapped(schema)).flatMap(({ key, value }): readonly Field[] => {
    const here = path === '' || key.startsWith('[') ? `${path}${key}` : `${path}.${key}`;
    const inner = unwrapped(value);
    const nested = nestedOf(inner).flatMap(({ suffix, schema: child }) => outline(child, `${here}${suffix}`));
    const isMapping = inner instanceof z.ZodObject;
    return [
      {
        path: here,
        allowed: isMapping ? undefined : allowedBy(value),
        meaning: value.description ?? '',
        required: !(value instanceof z.ZodOptional),
      },
      ...nested,
    ];
  });
}

function fieldsOf(schema: z.ZodType): readonly { readonly key: string; readonly value: z.ZodType }[] {
  return schema instanceof z.ZodObject
    ? Object.entries(schema.shape as Record<string, z.ZodType>).map(([key, value]) => ({ key, value }))
    : [];
}

interface Nested {
  readonly suffix: string;
  readonly schema: z.ZodType;
}

function nestedOf(schema: z.ZodType): readonly Nested[] {
  if (schema instanceof z.ZodObject) return [{ suffix: '', schema }];
  if (schema instanceof z.ZodArray)
    return nestedOf(unwrapped(schema.element as z.ZodType)).map(({ suffix, schema: child }) => ({
      suffix: `[]${suffix}`,
      schema: child,
    }));
  if (schema instanceof z.ZodRecord)
    return nestedOf(unwrapped(schema.valueType as z.ZodType)).map(({ suffix, schema: child }) => ({
      suffix: `.<name>${suffix}`,
      schema: child,
    }));
  if (schema instanceof z.ZodDiscriminatedUnion) {
    return schema.options.map((option) => ({ suffix: ` (${typeOf(option as z.ZodType)})`, schema: option as z.ZodType }));
  }
  if (!(schema instanceof z.ZodUnion)) return [];
  // Several mappings are the two forms of a secret, which its own text explains.
  const mappings = schema.options
    .map((option) => unwrapped(option as z.ZodType))
    .filter((option) => option instanceof z.ZodObject);
  return mappings.length === 1 ? mappings.map((option) => ({ suffix: '', schema: option })) : [];
}

function typeOf(option: z.ZodType): string {
  const type = fieldsOf(option).find(({ key }) => key === 'type')?.value;
  return type instanceof z.ZodLiteral ? String(type.value) : '';
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional) return unwrapped(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return unwrapped(schema.in as z.ZodType);
  return schema;
}

/** No schema accepts a symbol, so each says what it expects instead. */
function allowedBy(schema: z.ZodType): string {
  if (schema instanceof z.ZodLiteral) return String(schema.value);
  return schema.safeParse(Symbol('nothing')).error?.issues[0]?.message ?? '';
}
