/** The slot of a key in Redis Cluster. A leaf. */

/**
 * The slot of a key, 0 to 16 383: CRC-16/XMODEM of its hash tag, or of the whole key if it has none (Redis Cluster
 * specification).
 */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  let crc = 0;
  for (const byte of Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0x3fff;
}
