/**
 * What a restart returns to, in one JSON file. Replaced whole: written beside it, synced, renamed over it, and the folder
 * synced, so that what was confirmed survives a crash of the machine, and half a file is never read.
 *
 * Written synchronously, on purpose: a control operation is then one turn of the event loop, and nothing can come between
 * its check and its effect. Only claiming, revoking and finalising a ramp write; shifts and renewals do not.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { SLOTS } from '../../domain/words.js';
import type { DurableState } from './service-state.js';

const slot = z.enum(SLOTS);
const FILE = z.strictObject({
  sluiceEdge: z.literal(1),
  services: z.record(
    z.string(),
    z.strictObject({
      stable: slot,
      live: z.string().optional(),
      releases: z.strictObject({ blue: z.string().optional(), green: z.string().optional() }),
      claims: z.record(z.string(), z.strictObject({ epoch: z.number(), owner: z.string() })),
      revoked: z.record(z.string(), z.string()),
    }),
  ),
});

export class StateFile {
  constructor(private readonly path: string) {}

  /** Empty where there is no file yet. Throws for a file that cannot be understood: to begin anew would bring old revisions back. */
  load(): ReadonlyMap<string, DurableState> {
    const text = this.#read();
    if (text === undefined) return new Map();
    const parsed = FILE.safeParse(parseJson(text));
    if (!parsed.success) {
      throw new Error(
        `${this.path} is no state of the embedded edge (${z.prettifyError(parsed.error).slice(0, 400)}). ` +
          'It says which slots are stable; repair it, or remove it if no rollout was ever promoted through this edge',
      );
    }
    return new Map(Object.entries(parsed.data.services).map(([name, service]) => [name, restore(service)]));
  }

  save(services: ReadonlyMap<string, DurableState>): void {
    const written = Object.fromEntries([...services].map(([name, state]) => [name, plain(state)]));
    const temporary = `${this.path}.tmp`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify({ sluiceEdge: 1, services: written })}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.path);
    syncFolder(dirname(this.path));
  }

  #read(): string | undefined {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

type Written = z.infer<typeof FILE>['services'][string];

function restore({ stable, live, releases: { blue, green }, claims, revoked }: Written): DurableState {
  return {
    stable,
    live,
    releases: { ...(blue === undefined ? {} : { blue }), ...(green === undefined ? {} : { green }) },
    claims: new Map(Object.entries(claims)),
    revoked: new Map(Object.entries(revoked)),
  };
}

function plain({ stable, live, releases, claims, revoked }: DurableState): Written {
  return {
    stable,
    ...(live === undefined ? {} : { live }),
    releases: { ...releases },
    claims: Object.fromEntries(claims),
    revoked: Object.fromEntries(revoked),
  };
}

/** A rename is durable only when the folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
