/** Headers that belong to one connection, not to the message (RFC 9110, 7.6.1): whoever carries a message on leaves them out. */
export const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Further headers that belong to one connection, as its header `Connection` names them; in lower case. */
export const namedBy = (connection: string): string[] =>
  connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
