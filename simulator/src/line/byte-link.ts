/** Bytes in both directions, as a serial port or a socket gives them: no frames, no promise of whole chunks. */
export interface ByteLink {
  write(bytes: Uint8Array): void
  /** Several listeners may be added; each gets every chunk. */
  onData(listener: (bytes: Uint8Array) => void): void
  /** The other side is gone (unplugged); called once. */
  onClose(listener: () => void): void
  close(): void
}
