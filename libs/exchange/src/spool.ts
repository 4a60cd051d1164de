import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const readBytes = 256 * 1024;

/**
 * Bytes too large for memory, in a file that has no name any more: it is gone with its handle, whatever happens to
 * the process. A content is complete before anybody reads it, so a body that breaks off never reaches a reader.
 */
export class Spool {
  size = 0;
  private readonly handle: FileHandle;
  /** Still to be removed, where a file that is open cannot be (Windows). */
  private path: string | undefined;
  private closed = false;

  private constructor(handle: FileHandle, path: string) {
    this.handle = handle;
    this.path = path;
  }

  static async create(directory: string): Promise<Spool> {
    const path = join(directory, `holdfast-${randomUUID()}`);
    const spool = new Spool(await open(path, 'wx+', 0o600), path);
    await spool.unname();
    return spool;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.byteLength) {
      const { bytesWritten } = await this.handle.write(bytes, at, bytes.byteLength - at, this.size);
      at += bytesWritten;
      this.size += bytesWritten;
    }
  }

  /** The bytes from the beginning, in pieces that the receiver may keep. */
  async *read(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < this.size; ) {
      const piece = Buffer.allocUnsafe(Math.min(readBytes, this.size - at));
      const { bytesRead } = await this.handle.read(piece, 0, piece.length, at);
      if (bytesRead === 0) throw new Error('the spool file is shorter than what was written to it');
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.handle.close();
    if (this.path !== undefined) await rm(this.path, { force: true });
  }

  private async unname(): Promise<void> {
    if (process.platform === 'win32' || this.path === undefined) return;
    await rm(this.path, { force: true });
    this.path = undefined;
  }
}
