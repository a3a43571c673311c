/** A store that does not answer must not hang the request. */

export class StoreTimeout extends Error {
  override readonly name = 'StoreTimeout';
}

/** `late` gets what comes after the limit, so that a claim nobody waits for can be given back. */
export function withinLimit<T>(call: Promise<T>, limitMs: number, late?: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(new StoreTimeout(`the store did not answer within ${String(limitMs)} ms`));
    }, limitMs);
    call.then(
      (value) => {
        clearTimeout(timer);
        if (isLate) late?.(value);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
