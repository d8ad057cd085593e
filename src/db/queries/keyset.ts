/**
 * The rows after the last one of the page before, newest first; of the first page, `place` is null. Never `is null or`: a
 * plan that is kept for both cannot use the index then, and reads all pages before.
 */
export const olderThan = (column: string, place: string): string => `${column} < coalesce(${place}::text, 'zzzz')`
