/**
 * The statements on a partition's row. `workers` is `{<worker>: {"token": …, "until": <ms>}}`: as everything is in one row, a
 * statement that had to wait for another sees its outcome, and a renewal cannot slip past a takeover.
 */

const NOW = `(extract(epoch FROM clock_timestamp()) * 1000)`;
const UNTIL = `(value->>'until')::float8`;
const living = (row: string): string => `jsonb_each(${row}.workers) WHERE ${UNTIL} > ${NOW}`;

/**
 * Queue, partition, release, revision, worker, token, lease, cap → one row: who joined, or who is in the way; none if the row
 * came between the snapshot and the insert.
 */
export function joinStatement(table: string): string {
  const isSame = `(p.release = excluded.release AND p.revision = excluded.revision)`;
  const others = `(SELECT count(*) FROM ${living('p')} AND NOT (${isSame} AND key = $5))`;
  return `
WITH joined AS (
  INSERT INTO ${table} AS p (queue, partition, release, revision, epoch, workers)
  VALUES ($1, $2, $3, $4, 1, jsonb_build_object($5::text, jsonb_build_object('token', $6::text, 'until', ${NOW} + $7::float8)))
  ON CONFLICT (queue, partition) DO UPDATE SET
    release = excluded.release, revision = excluded.revision,
    epoch = p.epoch + CASE WHEN ${others} = 0 THEN 1 ELSE 0 END,
    workers = (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM ${living('p')}) || excluded.workers
  WHERE ${others} = 0 OR (${isSame} AND ${others} < coalesce($8::float8, 'Infinity'))
  RETURNING epoch
)
SELECT true AS joined, epoch::float8, '' AS release, '' AS revision, 0 AS workers, NULL::float8 AS first_ms, NULL::float8 AS last_ms
FROM joined
UNION ALL
SELECT false, p.epoch::float8, p.release, p.revision, alive.workers, alive.first_ms, alive.last_ms
FROM ${table} p, LATERAL (
  SELECT count(*)::int AS workers, (min(${UNTIL}) - ${NOW})::float8 AS first_ms, (max(${UNTIL}) - ${NOW})::float8 AS last_ms
  FROM ${living('p')}
) alive
WHERE p.queue = $1 AND p.partition = $2 AND NOT EXISTS (SELECT FROM joined)`;
}

/** Queue, partition, worker, token, epoch. */
const HELD = `p.queue = $1 AND p.partition = $2 AND p.workers->$3::text->>'token' = $4 AND p.epoch = $5
  AND (p.workers->$3::text->>'until')::float8 > ${NOW}`;

/** … and lease → how many workers come before this one, in an order that all agree on; none if it was lost. */
export const renewStatement = (table: string): string => `
UPDATE ${table} p SET workers = jsonb_set(p.workers, ARRAY[$3::text, 'until'], to_jsonb(${NOW} + $6::float8))
WHERE ${HELD}
RETURNING (SELECT count(*)::int FROM ${living('p')} AND key < $3::text) AS before`;

export const leaveStatement = (table: string): string => `UPDATE ${table} p SET workers = p.workers - $3::text WHERE ${HELD}`;

/**
 * … and for how long the transaction may idle from here on → one row, locked until the commit; none if the lease was lost. A
 * takeover and a renewal wait for the lock.
 */
export const holdsStatement = (table: string): string => `
SELECT set_config('idle_in_transaction_session_timeout', $6, true) FROM ${table} p WHERE ${HELD} FOR SHARE`;
