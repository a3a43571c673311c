/** Commands that put everybody back on stable with no controller at all: for the night in which everything else is dead. */
import type { RouterConnection } from '../../spec/config-schema.js';
import type { SecretRef } from '../../spec/secret-schema.js';

export interface BreakGlass {
  /** Shows who is live and under which ramp. */
  readonly look: string;
  /** `RAMP` stands for what the look has shown. */
  readonly back: string;
}

export function breakGlass(router: RouterConnection, service: string): BreakGlass {
  switch (router.type) {
    case 'haproxy': {
      const file = `${router.directory}/revoked.map`;
      return {
        look: `curl -s '${trimmed(router.control)}/route?svc=${service}'`,
        // The file as well, or a reload would forget it.
        back: `echo 'add map ${file} RAMP 1' | socat - ${router.adminSocket} && echo 'RAMP 1' >> ${file}`,
      };
    }
    case 'edge': {
      const authorised = `-H "Authorization: Bearer ${shell(router.token)}"`;
      return {
        look: `curl -s ${authorised} '${trimmed(router.control)}/route?svc=${service}'`,
        back: `curl -s -X POST ${authorised} -H 'content-type: application/json' -d '{"service":"${service}","ramp":"RAMP"}' '${trimmed(router.control)}/revoke'`,
      };
    }
    case 'exec':
      return {
        look: `${words(router.commands.read)}   (JSON on standard input: docs/routers)`,
        back: `${words(router.commands.revoke)}   (JSON on standard input, with the ramp that the look has shown)`,
      };
  }
}

const trimmed = (url: string): string => url.replace(/\/+$/, '');

/** Where the secret is, never the secret. */
const shell = (secret: SecretRef): string => (secret.secret === 'env' ? `$${secret.name}` : `$(cat ${secret.path})`);

const words = (program: readonly string[]): string =>
  program.map((word) => (/^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
