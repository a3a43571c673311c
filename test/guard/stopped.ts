/** Whether a process is stopped, as the kernel says. */
import { readFileSync } from 'node:fs';
import type { ManagedProcess } from '../harness/processes.js';

export const isStopped = ({ pid }: ManagedProcess): boolean => {
  const text = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).startsWith('T');
};
