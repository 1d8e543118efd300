/** Lists come in pages with a cursor to the next; here they are one stream. */

export interface Page<Item> {
  items?: Item[];
  next_cursor?: string | null;
}

/**
 * Everything in a list, the newest first; the next page is asked for when the one before is used up.
 *
 * @param fetchPage - gives the page that a cursor leads to; the first one without a cursor.
 */
export async function* everyItem<Item>(fetchPage: (cursor: string | undefined) => Promise<Page<Item>>): AsyncGenerator<Item, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await fetchPage(cursor);
    yield* page.items ?? [];
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
