/** Environment variables as they are handed in; `spec/` never reads the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Substituted =
  | { readonly kind: 'text'; readonly text: string; readonly changed: boolean }
  | { readonly kind: 'unset'; readonly name: string }
  | { readonly kind: 'malformed'; readonly placeholder: string };

/** Also in the exported JSON Schema: an editor must accept a placeholder wherever a scalar may stand. */
export const PLACEHOLDER_PATTERN = /\$\{[A-Za-z_][A-Za-z0-9_]*\}/;

const TOKEN = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{[^}]{0,40}\}?/g;

/**
 * Replaces `${NAME}` in one scalar that is already parsed, so that a value can never become YAML structure. `$${` stands
 * for `${`. Values are taken as they are: a placeholder inside a value stays text.
 */
export function substitute(text: string, env: Environment): Substituted {
  let failure: Substituted | undefined;
  const replaced = text.replace(TOKEN, (token, name: string | undefined) => {
    if (token === '$${') return '${';
    if (name === undefined) {
      failure ??= { kind: 'malformed', placeholder: token };
      return token;
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined) failure ??= { kind: 'unset', name };
    return value ?? token;
  });
  return failure ?? { kind: 'text', text: replaced, changed: replaced !== text };
}
