/** A connection of the configuration becomes an adapter by its type. */
export type Makers<Connection extends { readonly type: string }, Port> = {
  readonly [Type in Connection['type']]?: (connection: Extract<Connection, { readonly type: Type }>) => Port;
};

/** An unknown type throws and lists the known ones; so does `in-memory`, which only a test can give. */
export function makerOf<Connection extends { readonly type: string }, Port>(
  what: string,
  makers: Makers<Connection, Port>,
): (connection: Connection) => Port {
  return (connection) => {
    const make = Object.hasOwn(makers, connection.type)
      ? (makers[connection.type as Connection['type']] as ((given: Connection) => Port) | undefined)
      : undefined;
    if (make !== undefined) return make(connection);
    const known = Object.keys(makers).join(', ');
    if (connection.type === 'in-memory')
      throw new Error(`an in-memory ${what} is for tests and cannot be configured; known types: ${known}`);
    throw new Error(`unknown type "${connection.type}" of a ${what}; known types: ${known}`);
  };
}
