// A zip archive of files that are compressed already: each is stored as it is.

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});
const STAMP = [0, 0x21]; // 1980-01-01, the first time that the format knows: equal files, equal zip
const UTF8 = 0x0800, VERSION = 20;

/** Returns a zip archive, a Blob, of files: [{name, bytes (Uint8Array)}]. Below 4 GB. */
export function makeZip(files) {
  const parts = [], entries = [];
  let offset = 0;

  for (const { name, bytes } of files) {
    const encoded = new TextEncoder().encode(name);
    const what = [VERSION, UTF8, 0, ...STAMP];
    const sizes = [computeCrc(bytes), bytes.length, bytes.length];
    const head = join(long(0x04034b50), ...what.map(short), ...sizes.map(long),
      short(encoded.length), short(0), encoded);
    entries.push(join(long(0x02014b50), short(VERSION), ...what.map(short), ...sizes.map(long),
      short(encoded.length), ...[0, 0, 0, 0].map(short), long(0), long(offset), encoded));
    parts.push(head, bytes);
    offset += head.length + bytes.length;
  }

  const length = entries.reduce((sum, entry) => sum + entry.length, 0);
  const counts = [0, 0, files.length, files.length];
  const end = join(long(0x06054b50), ...counts.map(short), long(length), long(offset), short(0));
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}

/** Computes the CRC-32 of bytes. */
export function computeCrc(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function short(value) {
  return [value & 0xff, value >>> 8];
}

function long(value) {
  return [...short(value & 0xffff), ...short(value >>> 16)];
}

function join(...pieces) {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}
