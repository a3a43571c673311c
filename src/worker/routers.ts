import { ExecRouter } from '../providers/routers/exec/router.js';
import { EdgeRouter } from '../providers/routers/edge/router.js';
import { HaproxyRouter } from '../providers/routers/haproxy/router.js';
import type { RouterCapabilities } from '../domain/route.js';
import type { TrafficRouter } from '../providers/ports.js';
import type { RouterConnection } from '../spec/config-schema.js';
import type { Resolved } from '../spec/secrets.js';
import { makerOf, type Makers } from './makers.js';

type Connection = Resolved<RouterConnection>;

const ROUTERS: Makers<Connection, TrafficRouter> = {
  haproxy: ({ adminSocket, masterSocket, directory, control, public: publicUrl, releaseToken }) =>
    new HaproxyRouter({
      adminSocket,
      directory,
      controlUrl: control.replace(/\/+$/, ''),
      publicUrl,
      releaseToken,
      ...(masterSocket === undefined ? {} : { masterSocket }),
    }),
  exec: ({ commands, timeout, capabilities, probe }) =>
    new ExecRouter({
      commands: defined(commands),
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      ...(capabilities === undefined ? {} : { capabilities: execCapabilities(capabilities) }),
      ...(probe === undefined ? {} : { probe: defined(probe) }),
    }),
  edge: ({ control, public: publicUrl, token }) => new EdgeRouter({ controlUrl: control, publicUrl, token }),
};

export const makeRouter = makerOf('router', ROUTERS);

type Declared = NonNullable<Extract<Connection, { readonly type: 'exec' }>['capabilities']>;

function execCapabilities({ propagationBound, ...capabilities }: Declared): Partial<RouterCapabilities> {
  return { ...defined(capabilities), ...(propagationBound === undefined ? {} : { propagationBoundS: propagationBound / 1_000 }) };
}

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** Without the keys that the configuration left out: zod gives them as undefined, the adapters' options are absent or there. */
function defined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}
