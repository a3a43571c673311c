/** Why a port cannot be had, and what to do: in one line, whichever server wanted it. */

/** What settles the two, as the person who started it wrote them: `--port`. */
export interface SettledBy {
  readonly port: string;
  readonly host: string;
}

/** `listen EADDRINUSE: address already in use 127.0.0.1:9464; stop what listens there, or choose another port (--port)`. */
export function whyNotListening(error: unknown, by: SettledBy): string {
  const said = error instanceof Error ? error.message : String(error);
  return `${said}; ${remedy(error instanceof Error && 'code' in error ? error.code : undefined, by)}`;
}

function remedy(code: unknown, { port, host }: SettledBy): string {
  switch (code) {
    case 'EADDRINUSE':
      return `stop what listens there, or choose another port (${port})`;
    case 'EACCES':
      return `choose a port above 1023 (${port})`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `choose an address of this machine (${host})`;
    default:
      return `choose another address or port (${host}, ${port})`;
  }
}
