/** Calls whose path, query, body and answer the compiler holds to the OpenAPI document. */
import type { AnswerOf, BodyOf, PathOf, PathParametersOf, QueryOf } from './contract.js';
import { everyItem, type Page } from './pages.js';
import { Transport, type CallOptions, type ChangeOptions, type ClientOptions } from './transport.js';

/** The paths of lists that come in pages. */
type ListPath = { [P in PathOf<'get'>]: AnswerOf<'get', P> extends Page<unknown> ? P : never }[PathOf<'get'>];
type ItemOf<P extends PathOf<'get'>> = AnswerOf<'get', P> extends { items?: (infer Item)[] } ? Item : never;

interface GetOptions<P extends PathOf<'get'>> extends CallOptions {
  query?: QueryOf<'get', P> | undefined;
  answers?: readonly number[];
}

interface PostOptions<P extends PathOf<'post'>> extends ChangeOptions {
  query?: QueryOf<'post', P> | undefined;
  body?: BodyOf<'post', P> | undefined;
}

export class Calls {
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  protected async get<P extends PathOf<'get'>>(path: P, names: PathParametersOf<P>, options: GetOptions<P> = {}): Promise<AnswerOf<'get', P>> {
    return (await this.#transport.send({ ...options, method: 'GET', path: filled(path, names) })) as AnswerOf<'get', P>;
  }

  protected async post<P extends PathOf<'post'>>(path: P, names: PathParametersOf<P>, options: PostOptions<P> = {}): Promise<AnswerOf<'post', P>> {
    return (await this.#transport.send({ ...options, method: 'POST', path: filled(path, names) })) as AnswerOf<'post', P>;
  }

  /** Every item of a list, page after page. */
  protected list<P extends ListPath>(path: P, names: PathParametersOf<P>, filter: { pageSize?: number | undefined }): AsyncGenerator<ItemOf<P>, void, undefined> {
    const { pageSize: limit, ...kept } = filter;
    return everyItem<ItemOf<P>>(async (cursor) => {
      const answer = await this.#transport.send({ method: 'GET', path: filled(path, names), query: { ...kept, limit, cursor } });
      return answer as Page<ItemOf<P>>;
    });
  }
}

/** A path with its parts put in; escaped, so that no id can reach another route. */
function filled(path: string, names: unknown): string {
  const values = names as Record<string, string | number>;
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(segment(name, values[name])));
}

function segment(name: string, value: string | number | undefined): string {
  const text = String(value ?? '');
  // Dots are not escaped, and an address with such a part means another one.
  if (text === '' || text === '.' || text === '..') {
    throw new TypeError(`${name} must not be ${JSON.stringify(text)}`);
  }
  return text;
}
