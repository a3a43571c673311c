/** The two statements that every run costs, and what the first one's row says. */
import { decodeRecord } from '../record.js';
import type { Claimed } from '../store.js';

export interface ClaimRow {
  readonly kind: Claimed['kind'];
  readonly attempt: number | null;
  readonly retry_ms: number | null;
  readonly record: Buffer | null;
}

/**
 * Key, fingerprint, token, lease, retention → one row, or none if the row came or went between the snapshot and the insert.
 * A replay only reads: the insert is not even tried when the snapshot shows that it would be in vain. Of two that try at the
 * instant at which a lease lapses, the second waits for the first one's row and then sees its lease.
 */
export const claimStatement = (table: string): string => `
WITH known AS (
  SELECT fingerprint, lease_until, record FROM ${table} WHERE key = $1 AND keep_until > clock_timestamp()
), claimed AS (
  INSERT INTO ${table} AS c (key, fingerprint, attempt, token, lease_until, keep_until)
  SELECT $1, $2, 1, $3, clock_timestamp() + $4::float8 * interval '1 ms', clock_timestamp() + $5::float8 * interval '1 ms'
  WHERE NOT EXISTS (
    SELECT FROM known WHERE fingerprint <> $2 OR record IS NOT NULL OR lease_until > clock_timestamp())
  ON CONFLICT (key) DO UPDATE SET
    fingerprint = excluded.fingerprint, token = excluded.token, lease_until = excluded.lease_until, record = NULL,
    attempt = CASE WHEN c.keep_until <= clock_timestamp() THEN 1 ELSE c.attempt + 1 END,
    keep_until = greatest(c.keep_until, excluded.keep_until)
  WHERE c.keep_until <= clock_timestamp()
     OR (c.fingerprint = excluded.fingerprint AND c.record IS NULL AND c.lease_until <= clock_timestamp())
  RETURNING attempt
)
SELECT 'claimed' AS kind, attempt, NULL::float8 AS retry_ms, NULL::bytea AS record FROM claimed
UNION ALL
SELECT CASE WHEN fingerprint <> $2 THEN 'mismatch' WHEN record IS NOT NULL THEN 'done' ELSE 'busy' END, NULL,
  greatest(extract(epoch FROM lease_until - clock_timestamp()) * 1000, 0)::float8, record
FROM known WHERE NOT EXISTS (SELECT FROM claimed)`;

/** Key, token, record, retention. The token stays, so that a repeated seal is one as well. */
export const completeStatement = (table: string): string => `
UPDATE ${table} SET record = $3, keep_until = clock_timestamp() + $4::float8 * interval '1 ms'
WHERE key = $1 AND token = $2 AND keep_until > clock_timestamp()`;

export function claimedFrom({ kind, attempt, retry_ms, record }: ClaimRow): Claimed {
  if (kind === 'claimed') return { kind, attempt: attempt ?? 1 };
  if (kind === 'busy') return { kind, retryMs: retry_ms ?? 0 };
  return kind === 'done' && record !== null ? { kind, record: decodeRecord(record) } : { kind: 'mismatch' };
}
