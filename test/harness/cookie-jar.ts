/** What one browser keeps of the cookies that it is given: names and values, and nothing of paths and domains. */
import type { IncomingHttpHeaders } from 'node:http';

export class CookieJar {
  readonly #values = new Map<string, string>();

  keep({ 'set-cookie': given }: IncomingHttpHeaders): void {
    for (const cookie of [given ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (/;\s*max-age=0(;|$)/i.test(cookie)) this.#values.delete(name);
      else this.#values.set(name, value);
    }
  }

  /** Nothing for a jar that is empty. */
  headers(): { readonly cookie?: string } {
    const pairs = [...this.#values].map(([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? {} : { cookie: pairs.join('; ') };
  }
}
