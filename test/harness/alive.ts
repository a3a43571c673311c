/** Questions about processes by id, answered by the system and not by what we remember of them. */
import { readFileSync } from 'node:fs';

/** False for a process that ended, and for one that ended but was not yet waited for (a zombie holds no port and no file). */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return stateOf(pid) !== 'Z';
}

/** Direct children by /proc; empty when the process is gone. HAProxy's master has one worker per reload that still drains. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
    return text.trim() === '' ? [] : text.trim().split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

function stateOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).charAt(0);
  } catch {
    return '?';
  }
}
