/** Frames on the local socket: 4 bytes of length, then one value in V8's structured-clone format; see docs/formats.md. */

import type { Socket } from 'node:net';
import { deserialize, serialize } from 'node:v8';
import { GavelError } from '../../streams/errors.ts';

const LENGTH_BYTES = 4;
/** Bytes of one frame at most: a fetch of all partitions fits many times over. */
const FRAME_BYTES_MAX = 256 * 1024 * 1024;

/** Sends one value. */
export function sendFrame(socket: Socket, value: unknown): void {
  const body = serialize(value);
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(body.length);
  socket.cork();
  socket.write(length);
  socket.write(body);
  socket.uncork();
}

/** Calls `onFrame` for each value that arrives, in order; a frame that is too large or broken destroys the socket. */
export function readFrames(socket: Socket, onFrame: (value: unknown) => void): void {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let needed = LENGTH_BYTES;
  let inBody = false;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    while (bytes >= needed) {
      const joined = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes);
      const part = joined.subarray(0, needed);
      bytes -= needed;
      chunks = bytes > 0 ? [joined.subarray(needed)] : [];
      if (inBody) {
        needed = LENGTH_BYTES;
        inBody = false;
        onFrame(deserialize(part));
        continue;
      }
      needed = part.readUInt32BE(0);
      inBody = true;
      if (needed <= FRAME_BYTES_MAX) continue;
      socket.destroy(new GavelError('BROKER_UNAVAILABLE', `a frame of ${needed} bytes came over the local socket`));
      return;
    }
  });
}
