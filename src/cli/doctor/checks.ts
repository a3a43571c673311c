/** What `sluice doctor` found about one thing. The text says what to do where something is to be done. */
export interface Check {
  /** `absent`: nothing is broken, and something more could be had. */
  readonly state: 'ok' | 'absent' | 'warning' | 'failed';
  readonly what: string;
  readonly text: string;
}

export const ok = (what: string, text: string): Check => ({ state: 'ok', what, text });
export const absent = (what: string, text: string): Check => ({ state: 'absent', what, text });
export const warning = (what: string, text: string): Check => ({ state: 'warning', what, text });
export const failed = (what: string, text: string): Check => ({ state: 'failed', what, text });
