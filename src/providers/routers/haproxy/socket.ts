/**
 * HAProxy's command line over a Unix socket: one connection a command. The admin socket is the serving worker's; the master
 * socket passes on to any worker (`@!<pid> <command>`), also to those of an earlier load.
 */
import { connect } from 'node:net';
import { permanent, transient } from '../../errors.js';
import type { Deadline } from '../slots/deadline.js';

/**
 * Sends one command and gives the answer's text; empty is success of a map command. When the deadline passes, the socket is
 * destroyed, so that no byte of the command leaves later, and the error is transient: HAProxy may or may not have acted.
 */
export function ask(socketPath: string, command: string, deadline: Deadline): Promise<string> {
  if (/[\n;]/.test(command)) throw permanent('an HAProxy command must be one line without ";"');
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(deadline.passed()), Math.max(0, deadline.leftMs()));
    let answer = '';
    socket.setEncoding('utf8');
    socket.once('connect', () => {
      // Timers come late in a process that was stopped: look at the clock itself before the command leaves.
      if (deadline.leftMs() <= 0) socket.destroy(deadline.passed());
      // Half-closed, or the master socket never answers.
      else socket.end(`${command}\n`);
    });
    socket.on('data', (text: string) => (answer += text));
    socket.once('end', () => socket.destroy());
    socket.once('error', (error) => {
      reject(explain(socketPath, error));
    });
    socket.once('close', () => {
      clearTimeout(timer);
      // Even success is a line. Without one HAProxy went away before it answered, which is no success.
      if (answer.endsWith('\n')) resolve(answer.trim());
      else reject(transient(`${socketPath} closed without an answer; the outcome is unknown`));
    });
  });
}

function explain(socketPath: string, error: Error): Error {
  if (error.name === 'ProviderError') return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM') {
    return permanent(`${socketPath} may not be opened (${code}): run the worker as the user that owns HAProxy's socket`, error);
  }
  return transient(`${socketPath}: ${error.message}; is HAProxy running?`, error);
}
